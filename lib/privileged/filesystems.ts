/**
 * File systems as the operations that need root see them.
 *
 * @module
 */

import * as z from "zod";
import { commandFailed, notFound } from "../base/errors.ts";

/** A mounted file system that has a block device. */
export interface MountedFilesystem {
  readonly mountPoint: string;
  readonly device: string;
  readonly fsType: string;
  /** `major:minor`. */
  readonly deviceNumber: string;
  readonly isReadOnly: boolean;
  /** Why it must not be frozen, or `undefined`. */
  readonly keepThawed?: string;
  /** The mount point of the file system that holds this loop device's file, if it is one. */
  readonly backedBy?: string;
}

/** What is frozen by a request. */
export interface FreezeRequest {
  readonly ttlSeconds: number;
  /** Only these; every one that can be frozen by default. */
  readonly mountPoints: readonly string[] | undefined;
}

/** A file system that was left out, and why. */
export interface Skipped {
  readonly mount_point: string;
  readonly reason: string;
}

/** What was frozen. */
export interface Frozen {
  /** In the order of freezing. */
  readonly frozen: readonly string[];
  readonly skipped: readonly Skipped[];
}

/** What ends a freeze. */
export const FREEZE_ENDINGS = ["request", "ttl", "agent_gone", "stopped"] as const;

/** One of {@link FREEZE_ENDINGS}. */
export type FreezeEnding = (typeof FREEZE_ENDINGS)[number];

/** What was thawed; `problems` are what could not be, and hooks that failed. */
export const ThawedSchema = () =>
  z.strictObject({
    thawed: z.array(z.string()),
    problems: z.array(z.string()),
    ended_by: z.nullable(z.enum(FREEZE_ENDINGS)),
  });

/** What was thawed. */
export type Thawed = z.output<ReturnType<typeof ThawedSchema>>;

/** What is frozen now, and how long until it is thawed without a request. */
export const FreezeStatusSchema = () =>
  z.strictObject({
    frozen: z.array(z.string()),
    remaining_seconds: z.optional(z.int().check(z.gte(0))),
  });

/** What is frozen now. */
export type FreezeStatus = z.output<ReturnType<typeof FreezeStatusSchema>>;

/** Freezing and thawing, in the one process that stays for it. */
export interface Freezing {
  /** @throws {RpcError} -32000 if it fails or is already frozen: everything is thawed again. */
  freeze(request: FreezeRequest): Promise<Frozen>;
  thaw(): Promise<Thawed>;
  status(): Promise<FreezeStatus>;
}

const MAX_MOUNT_POINTS = 1000;
const MAX_PATH_CHARACTERS = 4096;

/** The parameter that names file systems. */
export const MountPoints = () =>
  z.optional(
    z.array(
      z.string().check(
        z.refine((path) => path.startsWith("/"), "must be an absolute path"),
        z.refine((path) => !path.includes("\0"), "must not contain NUL"),
        z.refine((path) => path.length <= MAX_PATH_CHARACTERS, "must be at most 4096 characters"),
      ),
    ).check(
      z.minLength(1),
      z.maxLength(MAX_MOUNT_POINTS),
      z.refine((paths) => new Set(paths).size === paths.length, "must not name one twice"),
    ),
  );

/**
 * The file systems that a request names, or all.
 *
 * @throws {RpcError} -32002 for a path at which no file system with a device is mounted.
 */
export function selectMounts(
  mounts: readonly MountedFilesystem[],
  wanted: readonly string[] | undefined,
): readonly MountedFilesystem[] {
  if (wanted === undefined) return mounts;
  const known = new Map(mounts.map((mount) => [mount.mountPoint, mount]));
  for (const path of wanted) {
    if (!known.has(path)) {
      throw notFound(
        `no file system with a block device is mounted at ${JSON.stringify(path)}`,
        { mount_point: path },
      );
    }
  }
  return mounts.filter(({ mountPoint }) => wanted.includes(mountPoint));
}

/**
 * The order of freezing: the last one mounted first, and a file system on a loop device before the
 * one that holds its file, to which freezing writes.
 */
export function freezeOrder(
  mounts: readonly MountedFilesystem[],
): readonly MountedFilesystem[] {
  const waiting = mounts.toReversed();
  const ordered: MountedFilesystem[] = [];
  while (waiting.length > 0) {
    const at = waiting.findIndex((mount) =>
      !waiting.some(({ backedBy }) => backedBy === mount.mountPoint)
    );
    if (at < 0) {
      const [{ mountPoint } = { mountPoint: "" }] = waiting;
      throw commandFailed(`the file system at ${mountPoint} is stored in itself`);
    }
    ordered.push(...waiting.splice(at, 1));
  }
  return ordered;
}
