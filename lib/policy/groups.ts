/**
 * Groups of methods: what the guest's administrator turns on and off as a whole.
 *
 * @module
 */

import { permissionDenied, type RpcError } from "../base/errors.ts";

/** Every group, in the order of the reference. */
export const GROUPS = [
  "see",
  "file-read",
  "file-write",
  "exec",
  "power",
  "freeze",
  "time",
  "accounts",
  "services",
  "packages",
  "cloud-init",
] as const;

/** One of {@link GROUPS}. */
export type Group = (typeof GROUPS)[number];

/** What a host could do to its guest anyway. The other groups give it new rights inside. */
export const DEFAULT_GROUPS: readonly Group[] = [
  "see",
  "file-read",
  "file-write",
  "exec",
  "power",
  "freeze",
  "time",
];

/** The group of a method; `always` for those that no configuration turns off. */
export type Access = Group | "always";

/** The groups whose methods only look at the guest and change nothing in it. */
const LOOKING: readonly Access[] = ["see", "file-read"];

/** Whether methods of a group change nothing in the guest. */
export const onlyLooks = (access: Access): boolean => LOOKING.includes(access);

/** Whether `security.allow` permits the access. */
export const isAllowed = (access: Access, allowed: readonly Group[]): boolean =>
  access === "always" || allowed.includes(access);

/**
 * Checks that a method's group is on.
 *
 * @param allowed `security.allow`.
 * @param file The configuration file, if its path is known.
 * @throws {RpcError} -32001 if it is off.
 */
export function requireGroup(
  method: string,
  access: Access,
  allowed: readonly Group[],
  file?: string,
): void {
  if (access === "always" || allowed.includes(access)) return;
  throw groupRefusal(method, access, file);
}

/** The refusal of a method whose group is off: -32001; see {@link requireGroup}. */
export function groupRefusal(method: string, group: Group, file?: string): RpcError {
  const where = file ?? "the agent's configuration";
  return permissionDenied(
    `${method} needs the group "${group}", which security.allow in ${where} does not list`,
    { group, key: "security.allow" },
  );
}
