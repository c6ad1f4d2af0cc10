/**
 * Freezes file systems and thaws them again.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import {
  freezeOrder,
  type Frozen,
  type MountedFilesystem,
  type Skipped,
} from "../../../privileged/filesystems.ts";
import { ERRNO, type FreezeCalls } from "./libc.ts";

/** A file system that cannot be frozen answers with one of these. */
const UNSUPPORTED: readonly number[] = [ERRNO.EOPNOTSUPP, ERRNO.ENOTTY, ERRNO.EINVAL];

interface FrozenFilesystem {
  readonly mountPoint: string;
  /** Kept open, so that thawing needs no path. */
  readonly fd: number;
}

/** What this process has frozen. */
export class Freezer {
  readonly #calls: FreezeCalls;
  #frozen: FrozenFilesystem[] = [];

  constructor(calls: FreezeCalls) {
    this.#calls = calls;
  }

  /** The mount points of what is frozen. */
  get frozen(): string[] {
    return this.#frozen.map(({ mountPoint }) => mountPoint);
  }

  /**
   * Freezes file systems, one after the other.
   *
   * @param isNamed Whether the request names each: one that cannot be frozen is an error then.
   * @throws {RpcError} -32000 if one cannot be frozen: the caller thaws the others.
   * @throws The reason of `signal`.
   */
  async freeze(
    mounts: readonly MountedFilesystem[],
    isNamed: boolean,
    signal: AbortSignal,
  ): Promise<Frozen> {
    const skipped: Skipped[] = [];
    for (const mount of freezeOrder(mounts)) {
      signal.throwIfAborted();
      const problem = mount.keepThawed ?? (mount.isReadOnly ? "it is read-only" : undefined) ??
        await this.#freeze(mount.mountPoint);
      if (problem === undefined) continue;
      if (isNamed) throw commandFailed(`${mount.mountPoint} cannot be frozen: ${problem}`);
      skipped.push({ mount_point: mount.mountPoint, reason: problem });
    }
    signal.throwIfAborted();
    return { frozen: this.frozen, skipped };
  }

  /** Returns why a file system cannot be frozen. @throws {RpcError} -32000 for other failures. */
  async #freeze(mountPoint: string): Promise<string | undefined> {
    const fd = this.#calls.open(mountPoint);
    if (fd < 0) throw commandFailed(`${mountPoint} cannot be opened (os error ${-fd})`);
    const error = await this.#calls.freeze(fd);
    if (error === 0) {
      this.#frozen.push({ mountPoint, fd });
      return undefined;
    }
    this.#calls.close(fd);
    if (UNSUPPORTED.includes(error)) return "its type does not support freezing";
    if (error === ERRNO.EBUSY) {
      throw commandFailed(`${mountPoint} is already frozen by another program`);
    }
    throw commandFailed(`${mountPoint} cannot be frozen (os error ${error})`);
  }

  /** Thaws everything, the last one frozen first. */
  async thaw(): Promise<{ readonly thawed: string[]; readonly problems: string[] }> {
    const thawed: string[] = [];
    const problems: string[] = [];
    for (let last = this.#frozen.pop(); last !== undefined; last = this.#frozen.pop()) {
      const { mountPoint, fd } = last;
      const error = await this.#calls.thaw(fd);
      this.#calls.close(fd);
      if (error === 0) thawed.push(mountPoint);
      else problems.push(explainThaw(mountPoint, error));
    }
    return { thawed, problems };
  }

  /** Thaws what another process has frozen that did not live to do it. */
  async thawAt(mountPoints: readonly string[]): Promise<string[]> {
    const thawed: string[] = [];
    for (const mountPoint of mountPoints.toReversed()) {
      const fd = this.#calls.open(mountPoint);
      if (fd < 0) continue;
      if (await this.#calls.thaw(fd) === 0) thawed.push(mountPoint);
      this.#calls.close(fd);
    }
    return thawed;
  }
}

const explainThaw = (mountPoint: string, error: number) =>
  error === ERRNO.EINVAL
    ? `${mountPoint} had already been thawed by another program`
    : `${mountPoint} cannot be thawed (os error ${error})`;
