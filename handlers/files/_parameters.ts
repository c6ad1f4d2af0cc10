/**
 * Parameters and limits shared by several file methods.
 *
 * @module
 */

import * as z from "zod";
import { commandFailed, invalidParams } from "../../lib/base/errors.ts";

/** The unit of `max_file_size_mb`. */
const BYTES_PER_MB = 1024 * 1024;

/** The parameter `permissions`. */
export const Permissions = () =>
  z.string().check(
    z.refine((text) => /^0?[0-7]{3}$/.test(text), "must be three or four octal digits up to 0777"),
  );

/** The bits of the parameter `permissions`. */
export const modeOf = (permissions: string | undefined): number | undefined =>
  permissions === undefined ? undefined : Number.parseInt(permissions, 8);

/** Permission bits as `file_write` takes them: `0644`. */
export const permissionText = (mode: number): string => `0${mode.toString(8).padStart(3, "0")}`;

/**
 * Refuses a file that is larger than the configuration allows.
 *
 * @throws {RpcError} -32000
 */
export function refuseOversized(path: string, size: number, limitMb: number): void {
  if (size <= limitMb * BYTES_PER_MB) return;
  const reason = `${path} has ${size} bytes; max_file_size_mb allows ${limitMb} MiB`;
  throw commandFailed(reason, { path, size_bytes: size });
}

/**
 * Refuses to let a file grow beyond what the configuration allows.
 *
 * @throws {RpcError} -32000
 */
export function refuseGrowth(path: string, size: number, limitMb: number): void {
  if (size <= limitMb * BYTES_PER_MB) return;
  const reason = `${path} would have ${size} bytes; max_file_size_mb allows ${limitMb} MiB`;
  throw commandFailed(reason, { path, size_bytes: size });
}

/**
 * Refuses a path that can only name a directory.
 *
 * @throws {RpcError} -32602
 */
export function refuseTrailingSlash(path: string, parameter: string): void {
  if (!path.endsWith("/")) return;
  throw invalidParams(`${parameter} must name a file, not end with a slash`, {
    params: [parameter],
  });
}
