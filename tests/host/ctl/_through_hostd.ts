/**
 * kvmmanager-ctl through a daemon in its own process, which owns the channels that the command line
 * names. Takes the arguments and gives the exit status of kvmmanager-ctl.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { dirname } from "@std/path/posix";
import { run } from "../../../host/ctl/main.ts";
import { Clients } from "../../../host/daemon/clients.ts";
import { Host } from "../../../host/daemon/host.ts";
import { listenAt } from "../../../host/daemon/listener.ts";

const SETTLE_MS = 1000;

const { channels = [], socket = [] } = parseArgs(Deno.args, {
  string: ["channels", "socket"],
  collect: ["channels", "socket"],
});
const [first = ""] = [...channels, ...socket];
if (first === "" || Deno.args.includes("--hostd")) Deno.exit(await run(Deno.args));

const host = await Host.open({
  searchPaths: channels,
  channels: socket.map((path) => ({ name: path, path, isShortened: false })),
  libvirtDirectory: "/nonexistent",
  reconnectMs: 200,
});
await host.settled(SETTLE_MS);
const clients = new Clients(host, () => {});
const hostd = `${dirname(first)}/${crypto.randomUUID().slice(0, 8)}`;
const listener = await listenAt(hostd, (connection) => clients.serve(connection, false));
const status = await run(["--hostd", hostd, ...Deno.args]);
await listener.close();
await host.close();
Deno.exit(status);
