/**
 * Users and groups: their names, and which of them the configuration lets the host manage.
 *
 * @module
 */

import * as z from "zod";
import { commandFailed, notFound, permissionDenied } from "../../base/errors.ts";
import { isManaged, isNamed } from "../../policy/managed.ts";
import { type Root, runOrFail } from "../operation.ts";

/** The first number of an ordinary user (UID_MIN of login.defs(5)). */
const FIRST_ORDINARY = 1000;
const NOBODY = 65_534;
/** What useradd(8) accepts everywhere. */
const NAME_REGEXP = /^[a-z_][a-z0-9_-]{0,31}$/;
const MAX_GROUPS = 100;

/** A user's or group's name. */
export const AccountName = () =>
  z.string().check(
    z.refine(
      (name) => NAME_REGEXP.test(name),
      "must be 1 to 32 characters (a-z 0-9 _ -) and start with a letter or _",
    ),
  );

/** The parameter that lists groups. */
export const Groups = () =>
  z.array(AccountName()).check(
    z.maxLength(MAX_GROUPS),
    z.refine((names) => new Set(names).size === names.length, "must not name one twice"),
  );

/** A line of passwd(5). */
export interface Account {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** A user by name; `undefined` if there is none. */
export async function findAccount(root: Root, user: string): Promise<Account | undefined> {
  const { code, stdout } = await root.run("getent", ["passwd", user]);
  if (code !== 0) return undefined;
  const [name, , uid, gid, , home] = (stdout.split("\n")[0] ?? "").split(":");
  if (name !== user || home === undefined) return undefined;
  return { user, uid: Number(uid), gid: Number(gid), home };
}

/** The name of a user; `undefined` if there is none with that number. */
export async function accountName(root: Root, uid: number): Promise<string | undefined> {
  const { code, stdout } = await root.run("getent", ["passwd", String(uid)]);
  const [name, , number] = stdout.split(":");
  return code === 0 && Number(number) === uid ? name : undefined;
}

/**
 * A user that exists and that the host may manage. Users of the system, and root, have to be listed
 * by their names: no pattern reaches them.
 *
 * @throws {RpcError} -32001 if it is not listed, -32002 if there is no such user.
 */
export async function managedAccount(root: Root, user: string): Promise<Account> {
  requireListed(root, user);
  const account = await findAccount(root, user);
  if (account === undefined) throw notFound(`no user ${user}`, { user });
  const { managed_users } = root.config.security;
  const isOrdinary = account.uid >= FIRST_ORDINARY && account.uid !== NOBODY;
  if (isOrdinary || isNamed(user, managed_users)) return account;
  throw permissionDenied(
    `${user} is a user of the system (number ${account.uid}); security.managed_users must list it ` +
      "by its name",
    { user, key: "security.managed_users" },
  );
}

/** @throws {RpcError} -32001 if the configuration does not let the host manage the user. */
export function requireListed(root: Root, user: string): void {
  if (isManaged(user, root.config.security.managed_users)) return;
  throw permissionDenied(`security.managed_users does not list ${user}`, {
    user,
    key: "security.managed_users",
  });
}

/** @throws {RpcError} -32001 for a group that the configuration does not let the host give. */
export function requireGroups(root: Root, groups: readonly string[]): void {
  for (const group of groups) {
    if (isManaged(group, root.config.security.managed_groups)) continue;
    throw permissionDenied(`security.managed_groups does not list ${group}`, {
      group,
      key: "security.managed_groups",
    });
  }
}

/** The names of the groups that a user is in, besides its own one. */
export async function groupsOf(root: Root, { user, gid }: Account): Promise<string[]> {
  const names = await runOrFail(root, "id", ["--groups", "--name", "--zero", "--", user]);
  const numbers = await runOrFail(root, "id", ["--groups", "--zero", "--", user]);
  const split = (text: string) => text.split("\0").filter((part) => part !== "");
  const all = split(names);
  const primary = split(numbers).findIndex((number) => Number(number) === gid);
  if (all.length !== split(numbers).length) {
    throw commandFailed(`cannot list the groups of ${user}`);
  }
  return all.filter((_name, index) => index !== primary);
}
