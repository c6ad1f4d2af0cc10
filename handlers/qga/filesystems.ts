/**
 * The guest-fsfreeze-… commands and guest-fstrim, on the operations of our own methods.
 *
 * @module
 */

import * as z from "zod";
import { commandFailed } from "../../lib/base/errors.ts";
import type { AgentServices, Context, Method } from "../../lib/core/method.ts";
import type { FreezeEnding } from "../../lib/privileged/filesystems.ts";
import { fsFreezeOperation } from "../../lib/privileged/fs_freeze.ts";
import { fsThawOperation } from "../../lib/privileged/fs_thaw.ts";
import { fsTrimOperation } from "../../lib/privileged/fs_trim.ts";
import { needed } from "../_ability.ts";
import { perform } from "../_privileged.ts";
import { Int64, numberOf } from "./_int64.ts";
import { NoArguments, qgaCommand } from "./_command.ts";

/** What has ended a freeze before its thaw, as its host is told. */
const EARLY_ENDINGS: Readonly<Record<Exclude<FreezeEnding, "request">, string>> = {
  ttl: "its time was over",
  agent_gone: "the agent had ended",
  stopped: "the process that kept it was stopped",
};

const disabled = ({ guest }: AgentServices) => guest.privileged.unavailable;

/** Its callers wait for minutes, and half of it would be of no use. */
const shared = { access: "freeze", audited: true, disabled, limitMs: undefined } as const;

/** The commands. */
export const filesystemCommands = (): readonly Method[] => [
  qgaCommand({
    name: "guest-fsfreeze-status",
    summary: "Whether file systems are frozen",
    params: NoArguments,
    access: "see",
    audited: false,
    whileFrozen: true,
    run: (_, { guest }) => guest.privileged.isFrozen ? "frozen" : "thawed",
  }),
  qgaCommand({
    ...shared,
    name: "guest-fsfreeze-freeze",
    summary: "Freezes all file systems; returns how many",
    params: NoArguments,
    run: (_, context) => freeze(undefined, context),
  }),
  qgaCommand({
    ...shared,
    name: "guest-fsfreeze-freeze-list",
    summary: "Freezes some file systems; returns how many",
    params: z.strictObject({ mountpoints: z.optional(z.array(z.string())) }),
    target: ({ mountpoints }) => ({ mount_points: mountpoints }),
    run: async ({ mountpoints }, context) => {
      if (mountpoints === undefined) return await freeze(undefined, context);
      const { guest: { inventory }, signal } = context;
      const mounts = needed(await inventory?.blockMounts?.(signal), "list its mount points");
      const known = mounts.map(({ mountPoint }) => mountPoint)
        .filter((mountPoint) => mountpoints.includes(mountPoint));
      return known.length === 0 ? 0 : await freeze([...new Set(known)], context);
    },
  }),
  qgaCommand({
    ...shared,
    name: "guest-fsfreeze-thaw",
    summary: "Thaws what is frozen; returns how many file systems",
    params: NoArguments,
    whileFrozen: true,
    run: async (_, context) => {
      const { thawed, ended_by } = await perform(fsThawOperation, {}, context);
      if (ended_by === null || ended_by === "request") return thawed.length;
      throw commandFailed(
        `the freeze ended before this command: ${EARLY_ENDINGS[ended_by]}. A copy that was made ` +
          "meanwhile may not be consistent",
      );
    },
  }),
  qgaCommand({
    ...shared,
    name: "guest-fstrim",
    summary: "Discards unused blocks",
    params: z.strictObject({ minimum: z._default(Int64, 0) }),
    run: async ({ minimum }, context) => {
      const bytes = Math.min(Math.max(0, numberOf(minimum)), Number.MAX_SAFE_INTEGER);
      const { filesystems } = await perform(fsTrimOperation, { minimum_bytes: bytes }, context);
      return {
        paths: filesystems.map(({ mount_point, trimmed_bytes, error }) =>
          error === undefined
            ? { path: mount_point, trimmed: trimmed_bytes, minimum: bytes }
            : { path: mount_point, error }
        ),
      };
    },
  }),
];

/** @param mountPoints All by default. */
async function freeze(
  mountPoints: readonly string[] | undefined,
  context: Context,
): Promise<number> {
  const { frozen } = await perform(fsFreezeOperation, {
    ttl_seconds: context.config.freeze_ttl_seconds,
    ...mountPoints === undefined ? {} : { mount_points: [...mountPoints] },
  }, context);
  // Clients send no thaw then.
  if (frozen.length === 0) await perform(fsThawOperation, {}, context);
  return frozen.length;
}
