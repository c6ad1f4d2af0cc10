/**
 * Runs a {@link ServiceManager} for a service manager of its own, and prints the messages and the
 * problems. Needs `--unstable-net`. Argument: a directory.
 *
 * @module
 */

import { ServiceManager } from "../../../host/daemon/service_manager.ts";

const [directory = ""] = Deno.args;
const path = `${directory}/notify`;
const systemd = Deno.listenDatagram({ transport: "unixpacket", path });
const problems: string[] = [];
const receive = async () => new TextDecoder().decode((await systemd.receive())[0]);
const messages: string[] = [];
{
  const manager = new ServiceManager(path, `${directory}/x`, (text) => problems.push(text));
  using _manager = manager;
  manager.ready();
  messages.push(await receive());
}
messages.push(await receive());
systemd.close();
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ messages, problems })));
