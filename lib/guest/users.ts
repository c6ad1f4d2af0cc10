/**
 * The guest's users: the interface that every platform implements.
 *
 * @module
 */

/** A user. Nothing secret is known of it. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly fullName: string;
  readonly home: string;
  readonly shell: string;
  /** Names of all groups that it is a member of, its own first. */
  readonly groups: readonly string[];
}

/** The users of the guest. */
export interface Users {
  /** All users that the guest can enumerate, sorted by name. */
  list(signal: AbortSignal): Promise<readonly User[]>;
}
