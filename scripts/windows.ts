/**
 * `deno task windows`: runs the agent for Windows in Wine, with a socket for the host's ctl.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { closeQuietly } from "../lib/base/close_quietly.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { writeAll } from "../lib/base/write_all.ts";
import { startAgent } from "./windows/agent.ts";
import { Pty } from "./windows/pty.ts";
import { toWindows, Wine } from "./windows/wine.ts";

const PORT = "org.kvmmanager.agent.0";

/** Connects one host after another to the port, as QEMU does. */
async function bridge(listener: Deno.UnixListener, pty: Pty): Promise<void> {
  let host: Deno.UnixConn | undefined;
  const toHost = async () => {
    // What the agent says while nobody is connected is lost.
    for await (const bytes of pty.wire.readable) {
      if (host !== undefined) await writeAll(host, bytes).catch(() => {});
    }
  };
  void toHost();
  const toAgent = pty.wire.writable.getWriter();
  for await (const connection of listener) {
    host = connection;
    try {
      for await (const bytes of connection.readable) await toAgent.write(bytes);
    } catch {
      // The host broke off.
    }
    host = undefined;
    closeQuietly(connection);
  }
}

async function run(configFile: string | undefined): Promise<void> {
  printLine("starting Wine …");
  await using wine = await Wine.start();
  await using pty = new Pty();
  await wine.linkDevice(PORT, pty.path);
  const path = `${wine.prefix}/agent.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  using _listener = listener;
  const config = configFile === undefined
    ? { log_file: null }
    : JSON.parse(await Deno.readTextFile(configFile));
  const file = `${wine.prefix}/config.json`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  const agent = await startAgent(wine, {
    port: PORT,
    config: toWindows(file),
    stderr: "inherit",
  });
  void bridge(listener, pty);
  printLine(`deno task ctl call get_system_info --socket ${path}`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => agent.kill("SIGKILL"));
  }
  await agent.status;
}

if (import.meta.main) {
  try {
    const { config } = parseArgs(Deno.args, {
      string: ["config"],
      collect: ["config"],
      unknown: refuseUnknown,
    });
    await run(single(config, "config"));
    Deno.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    printError(`windows: ${error.message}`);
    Deno.exit(64);
  }
}
