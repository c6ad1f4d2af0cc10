/**
 * Names that the configuration lets the host manage: users, groups and services, by name or by a
 * pattern with `*`.
 *
 * @module
 */

/** The name itself, or `*` for any characters. */
const matcher = (pattern: string): RegExp =>
  new RegExp(`^${pattern.split("*").map((part) => RegExp.escape(part)).join(".*")}$`, "s");

/** Whether a list names something, by its name or by a pattern. */
export const isManaged = (name: string, list: readonly string[]): boolean =>
  list.some((pattern) => pattern === name || pattern.includes("*") && matcher(pattern).test(name));

/** Whether a list names something without a pattern, for what a pattern must not reach. */
export const isNamed = (name: string, list: readonly string[]): boolean => list.includes(name);
