/**
 * The command line of the daemon.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../../lib/base/command_line.ts";
import { LIBVIRT_DIRECTORIES, problemOfSearchPath, type SearchPath } from "../channels.ts";
import { HOSTD_SOCKET } from "../hostd_socket.ts";

/** What the daemon is told to do. */
export interface Options {
  /** Where clients connect. */
  readonly socket: string;
  /** Where clients connect that may only look. */
  readonly readOnlySocket: string | undefined;
  readonly searchPaths: readonly SearchPath[];
  /** Where libvirt's status files are; `undefined` for libvirt's directory. */
  readonly libvirtDirectory: string | undefined;
}

/** The help text. */
export const USAGE = `Usage: kvmmanager-hostd [OPTIONS]

Owns the agents' channels of this host and serves any number of local clients, such
as kvmmanager-ctl. QEMU admits one program to a channel; all others ask this one.

  --socket PATH            where clients connect
                           (default: ${HOSTD_SOCKET})
  --read-only-socket PATH  a second socket, for clients that may only look
  --channels PATH          where to search for VMs instead of libvirt's directories:
                           a directory, or a pattern with one * for the name;
                           repeatable
  --libvirt-status PATH    where libvirt keeps the status of running domains
                           (default: /run/libvirt/qemu)
  --help, --version

SIGHUP looks again for VMs and reads their descriptions. SIGTERM ends it; calls under
way are answered with what is known about them.
See docs/host.md.
`;

/**
 * Reads the command line.
 *
 * @throws {UsageError} with one line for a person.
 */
export function readOptions(args: readonly string[]): Options | "help" | "version" {
  const parsed = parseArgs([...args], {
    boolean: ["help", "version"],
    string: ["socket", "read-only-socket", "channels", "libvirt-status", "_"],
    collect: ["socket", "read-only-socket", "channels", "libvirt-status"],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  if (parsed.help) return "help";
  if (parsed.version) return "version";
  const [word] = parsed._;
  if (word !== undefined) throw new UsageError(`unexpected argument "${word}"; see --help`);
  const { channels } = parsed;
  if (channels.includes("")) throw new UsageError("--channels needs a value");
  const problem = channels.map(problemOfSearchPath).find((text) => text !== undefined);
  if (problem !== undefined) throw new UsageError(`--channels ${problem}`);
  const socket = single(parsed.socket, "socket") ?? HOSTD_SOCKET;
  const readOnlySocket = single(parsed["read-only-socket"], "read-only-socket");
  if (socket === readOnlySocket) throw new UsageError("--read-only-socket must be another path");
  return {
    socket,
    readOnlySocket,
    searchPaths: channels.length > 0 ? channels : LIBVIRT_DIRECTORIES,
    libvirtDirectory: single(parsed["libvirt-status"], "libvirt-status"),
  };
}
