/**
 * The command line of the daemon.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import {
  refuseEmptyValues,
  refuseUnknown,
  single,
  UsageError,
} from "../../lib/base/command_line.ts";
import { LIBVIRT_DIRECTORIES, problemOfSearchPath, type SearchPath } from "../channels.ts";
import { HOST_NAME_REGEXP } from "../fleet/subjects.ts";
import { problemOfUrl } from "../fleet/url.ts";
import { HOSTD_SOCKET } from "../hostd_socket.ts";
import { type ListenAddress, parseListenAddress } from "./exporter/listen_address.ts";
import type { FleetOptions } from "./fleet/member.ts";

/** What the daemon is told to do. */
export interface Options {
  /** Where clients connect. */
  readonly socket: string;
  /** Where clients connect that may only look. */
  readonly readOnlySocket: string | undefined;
  readonly searchPaths: readonly SearchPath[];
  /** Where libvirt's status files are; `undefined` for libvirt's directory. */
  readonly libvirtDirectory: string | undefined;
  /** Where Prometheus finds the guests' metrics; `undefined` for nowhere. */
  readonly metricsListen: ListenAddress | undefined;
  /** The fleet to join; `undefined` for none. */
  readonly fleet: FleetOptions | undefined;
  /** The certificate and the token for that; see docs/metrics.md. */
  readonly metricsWebConfig: string | undefined;
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
  --metrics-listen ADDRESS serve the guests' metrics to Prometheus at /metrics of
                           PORT (on 127.0.0.1) or ADDRESS:PORT
  --metrics-web-config FILE
                           the certificate for that, and the token to ask for
  --nats URL               join the fleet at nats://HOST:PORT or tls://HOST:PORT;
                           several servers are separated by commas
  --creds FILE             the NATS user's key, with or without a JWT
  --host-name NAME         the host's name in the fleet (default: this machine's)
  --help, --version

SIGHUP makes it search for VMs again, and read their descriptions, the certificate and
the token again. SIGTERM stops it; calls in flight are answered with what is known about
them.
See docs/host.md, docs/metrics.md and docs/fleet.md.
`;

const WITH_VALUE = [
  "socket",
  "read-only-socket",
  "channels",
  "libvirt-status",
  "metrics-listen",
  "metrics-web-config",
  "nats",
  "creds",
  "host-name",
] as const;

/**
 * Reads the command line.
 *
 * @throws {UsageError} with one line for a person.
 */
export function readOptions(args: readonly string[]): Options | "help" | "version" {
  const parsed = parseArgs([...args], {
    boolean: ["help", "version"],
    string: [...WITH_VALUE, "_"],
    collect: WITH_VALUE,
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  if (parsed.help) return "help";
  if (parsed.version) return "version";
  refuseEmptyValues(parsed, WITH_VALUE);
  const [word] = parsed._;
  if (word !== undefined) throw new UsageError(`unexpected argument "${word}"; see --help`);
  const { channels } = parsed;
  const problem = channels.map(problemOfSearchPath).find((text) => text !== undefined);
  if (problem !== undefined) throw new UsageError(`--channels ${problem}`);
  const socket = single(parsed.socket, "socket") ?? HOSTD_SOCKET;
  const readOnlySocket = single(parsed["read-only-socket"], "read-only-socket");
  if (socket === readOnlySocket) throw new UsageError("--read-only-socket must be another path");
  const metricsListen = single(parsed["metrics-listen"], "metrics-listen");
  const metricsWebConfig = single(parsed["metrics-web-config"], "metrics-web-config");
  if (metricsWebConfig !== undefined && metricsListen === undefined) {
    throw new UsageError("--metrics-web-config needs --metrics-listen");
  }
  return {
    socket,
    readOnlySocket,
    searchPaths: channels.length > 0 ? channels : LIBVIRT_DIRECTORIES,
    libvirtDirectory: single(parsed["libvirt-status"], "libvirt-status"),
    metricsListen: metricsListen === undefined ? undefined : parseListenAddress(metricsListen),
    metricsWebConfig,
    fleet: readFleet({
      nats: single(parsed.nats, "nats"),
      creds: single(parsed.creds, "creds"),
      hostName: single(parsed["host-name"], "host-name"),
    }),
  };
}

function readFleet(
  { nats, creds, hostName }: Record<"nats" | "creds" | "hostName", string | undefined>,
): FleetOptions | undefined {
  if (nats === undefined) {
    if (creds !== undefined) throw new UsageError("--creds needs --nats");
    if (hostName !== undefined) throw new UsageError("--host-name needs --nats");
    return undefined;
  }
  const problem = problemOfUrl(nats);
  if (problem !== undefined) throw new UsageError(`--nats ${problem}`);
  const name = hostName ?? Deno.hostname().split(".")[0] ?? "";
  if (!HOST_NAME_REGEXP.test(name)) {
    const rule = 'must have 1 to 63 letters, digits, "-" and "_"';
    throw new UsageError(`--host-name ${rule}, received "${name}"`);
  }
  return { nats: { url: nats, credentialsFile: creds }, hostName: name };
}
