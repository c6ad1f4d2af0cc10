/**
 * Names of services in requests: never an option, a path, a pattern or several names.
 *
 * @module
 */

import { invalidParams } from "../base/errors.ts";

/** UNIT_NAME_MAX of systemd. */
const MAX_CHARACTERS = 255;
const SUFFIX = ".service";
/** The characters of systemd.unit(5), without the ones that make an option or a hidden file. */
const UNIT_REGEXP = /^[A-Za-z0-9_][A-Za-z0-9:_.\\@-]*$/;
const OPENRC_REGEXP = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/;
/** Suffixes of units that are not services (systemd.unit(5)). */
const OTHER_UNIT_REGEXP =
  /\.(socket|device|mount|automount|swap|target|path|timer|slice|scope|snapshot)$/;

/**
 * The name of one systemd service, with its suffix.
 *
 * @throws {RpcError} -32602
 */
export function systemdService(name: string): string {
  const unit = name.endsWith(SUFFIX) ? name : `${name}${SUFFIX}`;
  if (!UNIT_REGEXP.test(name) || unit.length > MAX_CHARACTERS || name.includes("..")) {
    throw refusal(name, "must be the name of one service, such as ssh or ssh.service");
  }
  if (OTHER_UNIT_REGEXP.test(name)) throw refusal(name, "must be a service");
  if (unit.endsWith(`@${SUFFIX}`)) {
    throw refusal(name, "is a template; name an instance of it, such as getty@tty1");
  }
  return unit;
}

/**
 * The name of one OpenRC service.
 *
 * @throws {RpcError} -32602
 */
export function openrcService(name: string): string {
  if (OPENRC_REGEXP.test(name) && name.length <= MAX_CHARACTERS && !name.includes("..")) {
    return name;
  }
  throw refusal(name, "must be the name of one service, such as sshd");
}

const refusal = (name: string, rule: string) =>
  invalidParams(`name ${rule}, received ${JSON.stringify(name.slice(0, 100))}`, {
    params: ["name"],
  });
