/**
 * A service manager's end of the notification socket and the agent's, in one process: prints what
 * arrives. Needs `--unstable-net`. Argument: a directory.
 *
 * @module
 */

import { printLine } from "../../../../lib/base/terminal.ts";
import { NO_LOG } from "../../../../lib/log/logger.ts";
import { keepWatchdogFed } from "../../../../lib/platform/linux/service_manager.ts";

const [directory = ""] = Deno.args;
const socket = `${directory}/notify`;
const own = `${directory}/own`;
// An agent that was killed has left its own behind.
await Deno.writeTextFile(own, "");
const manager = Deno.listenDatagram({ transport: "unixpacket", path: socket });
const received = async () => new TextDecoder().decode((await manager.receive())[0]);
const watchdog = keepWatchdogFed(socket, NO_LOG, own);
const first = await received();
watchdog[Symbol.dispose]();
const last = await received();
manager.close();
printLine(JSON.stringify([first, last]));
