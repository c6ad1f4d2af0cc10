/**
 * Changing a user, for `user ACTION NAME`.
 *
 * @module
 */

import { UsageError } from "../../../lib/base/command_line.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import type { Invocation } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, printableJson } from "../printable.ts";
import { readStdin } from "../stdin.ts";
import { connectTarget } from "../target.ts";

const MAX_PASSWORD_BYTES = 1024;
/** What can be done to a user. */
export const USER_ACTIONS = ["create", "delete", "groups", "passwd"] as const;

/** A change. */
export interface UserChange {
  readonly action: string;
  readonly name: string | undefined;
  readonly groups: readonly string[];
  /** Whether the password is a hash. */
  readonly crypted: boolean;
  readonly removeHome: boolean;
}

/**
 * Changes a user; `passwd` reads the password from standard input.
 *
 * @throws {UsageError} for an unknown action, or without a name.
 */
export async function changeUser(change: UserChange, invocation: Invocation): Promise<number> {
  const { name: user, groups, crypted, removeHome } = change;
  const action = USER_ACTIONS.find((known) => known === change.action);
  if (action === undefined) {
    throw new UsageError(`ACTION must be ${USER_ACTIONS.join(", ")}, received "${change.action}"`);
  }
  if (user === undefined) throw new UsageError(`user ${action} needs a NAME`);
  const { signal, json } = invocation;
  // Before the connection: a person may take long to type.
  const password = action === "passwd"
    ? new TextDecoder().decode(await readStdin(signal, MAX_PASSWORD_BYTES)).replace(/\r?\n$/, "")
    : "";
  const { client } = await connectTarget(invocation);
  await using _client = client;
  const call = () => {
    if (action === "create") {
      return client.call("user_create", { user, groups: [...groups] }, { signal });
    }
    if (action === "delete") {
      return client.call("user_delete", { user, remove_home: removeHome }, { signal });
    }
    if (action === "groups") {
      return client.call("user_set_groups", { user, groups: [...groups] }, { signal });
    }
    return client.call("user_set_password", { user, password, crypted }, { signal });
  };
  const result = await call();
  printLine(json ? printableJson(result) : `${action} ${printable(user)}: done`);
  return EXIT.ok;
}
