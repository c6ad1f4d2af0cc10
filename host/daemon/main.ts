/**
 * `kvmmanager-hostd`: the one owner of a host's channels.
 *
 * @module
 */

import { UsageError } from "../../lib/base/command_line.ts";
import { jsonLine } from "../../lib/base/json_line.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { OutputClosed, OutputFailed, printError, printLine } from "../../lib/base/terminal.ts";
import { VERSION } from "../../lib/base/version.ts";
import { EXIT } from "../ctl/exit.ts";
import { Clients } from "./clients.ts";
import { Exporter } from "./exporter/exporter.ts";
import { Host } from "./host.ts";
import { listenAt, type Listener, listenOn } from "./listener.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { givenSockets, ServiceManager } from "./service_manager.ts";

/** How long agents may take to answer before clients are served anyway. */
const SETTLE_MS = 3000;
/** How long clients may take to read their last answers. */
const FINISH_MS = 2000;
/** `FileDescriptorName=` of the socket for clients that may only look. */
const READ_ONLY_NAME = "read-only";

const log = (level: "info" | "warn", message: string) =>
  printError(jsonLine({ time: new Date().toISOString(), level, message }));

async function serve(options: Options): Promise<void> {
  const { searchPaths, libvirtDirectory } = options;
  const ended = Promise.withResolvers<string>();
  const stop = (signal: string) => () => ended.resolve(signal);
  Deno.addSignalListener("SIGTERM", stop("SIGTERM"));
  Deno.addSignalListener("SIGINT", stop("SIGINT"));
  const host = await Host.open({ searchPaths, libvirtDirectory });
  await using _host = host;
  for (const problem of host.problems) log("warn", problem);
  await host.settled(SETTLE_MS);
  const clients = new Clients(host, (problem) => log("warn", problem));
  const exporter = await startExporter(options, host);
  await using _exporter = exporter;
  const listeners = await listen(options, clients);
  const member = await join(options, host, clients);
  await using _member = member;
  const manager = new ServiceManager(
    Deno.env.get("NOTIFY_SOCKET"),
    options.socket,
    (problem) => log("warn", problem),
  );
  using _manager = manager;
  Deno.addSignalListener("SIGHUP", () => void reload(host, exporter));
  manager.ready();
  const names = listeners.map(({ name }) => name).join(", ");
  log("info", `serving ${host.vms.length} VMs on ${names}`);
  log("info", `ends after ${await ended.promise}`);
  for (const listener of listeners) await listener.close();
  // Calls under way fail with what is known about them, and their clients are told.
  await host.close();
  await Promise.all([clients.finish(FINISH_MS), member?.[Symbol.asyncDispose]()]);
}

async function listen(options: Options, clients: Clients): Promise<Listener[]> {
  const { socket, readOnlySocket } = options;
  const given = givenSockets({
    LISTEN_PID: Deno.env.get("LISTEN_PID"),
    LISTEN_FDS: Deno.env.get("LISTEN_FDS"),
    LISTEN_FDNAMES: Deno.env.get("LISTEN_FDNAMES"),
  });
  const listeners = await Promise.all(
    given.map(({ descriptor, name }) =>
      listenOn(descriptor, (connection) => clients.serve(connection, name === READ_ONLY_NAME))
    ),
  );
  if (!given.some(({ name }) => name !== READ_ONLY_NAME)) {
    listeners.push(await listenAt(socket, (connection) => clients.serve(connection, false)));
  }
  if (readOnlySocket !== undefined) {
    listeners.push(await listenAt(readOnlySocket, (connection) => clients.serve(connection, true)));
  }
  return listeners;
}

/** Joins the fleet, if there is one: its library is loaded only then. */
async function join(
  { fleet }: Options,
  host: Host,
  { calls }: Clients,
): Promise<AsyncDisposable | undefined> {
  if (fleet === undefined) return undefined;
  const { FleetMember } = await import("./fleet/member.ts");
  return new FleetMember(fleet, { host, calls, log });
}

async function startExporter(
  { metricsListen, metricsWebConfig }: Options,
  host: Host,
): Promise<Exporter | undefined> {
  if (metricsListen === undefined) return undefined;
  const exporter = await Exporter.start(host, {
    listen: metricsListen,
    webConfigFile: metricsWebConfig,
  });
  const { hostname, port } = exporter.address;
  log("info", `metrics are on ${hostname}, port ${port}`);
  return exporter;
}

async function reload(host: Host, exporter: Exporter | undefined): Promise<void> {
  try {
    await exporter?.reload();
  } catch (error) {
    log("warn", `the metrics are served as before: ${messageOf(error)}`);
  }
  await host.refresh();
  for (const problem of host.problems) log("warn", problem);
  log("info", `looked again: ${host.vms.length} VMs`);
}

async function run(args: readonly string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options === "help") printLine(USAGE.trimEnd());
    else if (options === "version") printLine(`kvmmanager-hostd ${VERSION}`);
    else await serve(options);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT.brokenPipe;
    printError(`kvmmanager-hostd: ${messageOf(error)}`);
    if (error instanceof OutputFailed) return EXIT.localFile;
    return error instanceof UsageError ? EXIT.usage : EXIT.unavailable;
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));
