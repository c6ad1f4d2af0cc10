/**
 * guest-set-time, guest-set-user-password and the commands about SSH keys, on operations of the
 * broker.
 *
 * @module
 */

import * as z from "zod";
import { invalidParams } from "../../lib/base/errors.ts";
import type { AgentServices, Method } from "../../lib/core/method.ts";
import { sshKeysAddOperation } from "../../lib/privileged/ssh_keys/ssh_keys_add.ts";
import { sshKeysReadOperation } from "../../lib/privileged/ssh_keys/ssh_keys_read.ts";
import { sshKeysRemoveOperation } from "../../lib/privileged/ssh_keys/ssh_keys_remove.ts";
import { sshKeysResetOperation } from "../../lib/privileged/ssh_keys/ssh_keys_reset.ts";
import { timeSetOperation } from "../../lib/privileged/time_set.ts";
import { userSetPasswordOperation } from "../../lib/privileged/users/user_set_password.ts";
import { perform } from "../_privileged.ts";
import { decodeBase64 } from "./_base64.ts";
import { qgaCommand, ROOT_LIMIT_MS } from "./_command.ts";
import { Int64, numberOf } from "./_int64.ts";

const NS_PER_MS = 1_000_000;

const disabled = ({ guest }: AgentServices) => guest.privileged.unavailable;

const accounts = {
  access: "accounts",
  audited: true,
  disabled,
  limitMs: ROOT_LIMIT_MS,
} as const;

/** virsh always sends an empty key after the others. */
const withoutEmpty = (keys: readonly string[]) => keys.filter((key) => key.trim() !== "");

/** The commands. */
export const accountCommands = (): readonly Method[] => [
  qgaCommand({
    name: "guest-set-time",
    summary: "Sets the clock; without a time, from the hardware clock",
    access: "time",
    audited: true,
    disabled,
    limitMs: ROOT_LIMIT_MS,
    params: z.strictObject({ time: z.optional(Int64) }),
    run: async ({ time }, context) => {
      const params = time === undefined ? {} : { time_ms: Math.floor(numberOf(time) / NS_PER_MS) };
      await perform(timeSetOperation, params, context);
      return {};
    },
  }),
  qgaCommand({
    ...accounts,
    name: "guest-set-user-password",
    summary: "Sets a user's password",
    params: z.strictObject({ username: z.string(), password: z.string(), crypted: z.boolean() }),
    target: ({ username, crypted }) => ({ user: username, crypted }),
    run: async ({ username, password, crypted }, context) => {
      const text = textOf(decodeBase64(password, "password"));
      await perform(
        userSetPasswordOperation,
        { user: username, password: text, crypted },
        context,
      );
      return {};
    },
  }),
  qgaCommand({
    ...accounts,
    name: "guest-ssh-get-authorized-keys",
    summary: "A user's SSH keys",
    params: z.strictObject({ username: z.string() }),
    target: ({ username }) => ({ user: username }),
    run: async ({ username }, context) => {
      const { lines } = await perform(sshKeysReadOperation, { user: username }, context);
      return { keys: lines };
    },
  }),
  qgaCommand({
    ...accounts,
    name: "guest-ssh-add-authorized-keys",
    summary: "Adds SSH keys; with reset, in place of those that a host has added",
    params: z.strictObject({
      username: z.string(),
      keys: z.array(z.string()),
      reset: z.optional(z.boolean()),
    }),
    target: ({ username, keys, reset }) => ({ user: username, keys: keys.length, reset }),
    run: async ({ username, keys, reset }, context) => {
      const params = { user: username, keys: withoutEmpty(keys) };
      if (reset === true) await perform(sshKeysResetOperation, params, context);
      else if (params.keys.length > 0) await perform(sshKeysAddOperation, params, context);
      return {};
    },
  }),
  qgaCommand({
    ...accounts,
    name: "guest-ssh-remove-authorized-keys",
    summary: "Removes SSH keys that a host has added",
    params: z.strictObject({ username: z.string(), keys: z.array(z.string()) }),
    target: ({ username, keys }) => ({ user: username, keys: keys.length }),
    run: async ({ username, keys }, context) => {
      const removed = withoutEmpty(keys);
      if (removed.length > 0) {
        await perform(sshKeysRemoveOperation, { user: username, keys: removed }, context);
      }
      return {};
    },
  }),
];

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidParams("Parameter 'password' is not UTF-8");
  }
}
