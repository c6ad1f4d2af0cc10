/**
 * Hosts and programs that connect and disconnect, cleanly or not.
 *
 * @module
 */

import { closeQuietly } from "../../lib/base/close_quietly.ts";
import type { SoakedAgent } from "./agent.ts";

const PING = '{"jsonrpc":"2.0","method":"ping","id":1}\n';
const encoder = new TextEncoder();

/** How a host disconnects. */
const FAREWELLS = [
  PING,
  // In the middle of a line.
  PING + PING.slice(0, 20),
  // With answers pending.
  PING.repeat(50),
  // During a request.
  `${PING}{"jsonrpc":"2.0","method":"get_network_info","id":2}\n`,
] as const;

/** Connects repeatedly, is answered, and disconnects in one of several ways. */
export async function reconnect(
  agent: SoakedAgent,
  count: number,
  onProgress: (done: number) => Promise<void>,
): Promise<void> {
  const every = Math.max(1, Math.floor(count / 10));
  for (let done = 1; done <= count; done++) {
    const wire = await agent.connect();
    using _wire = wire;
    await wire.send(FAREWELLS[done % FAREWELLS.length] ?? PING);
    // The notification that the agent is ready, and the first answer.
    await wire.readLine();
    await wire.readLine();
    if (done % every === 0) await onProgress(done);
  }
}

const COMMAND = '{"Name":"agent.Ping"}';

/** What a program of the guest sends before it disconnects. */
const BEGINNINGS = [
  "",
  "{",
  COMMAND.slice(0, 10),
  `{"Name":"${"x".repeat(5000)}`,
  COMMAND,
] as const;
const AT_ONCE = 20;

/** Opens connections to the command monitor and drops them halfway. */
export async function dropMonitorConnections(
  { monitor }: SoakedAgent,
  count: number,
): Promise<void> {
  for (let done = 0; done < count; done += AT_ONCE) {
    const connections = await Promise.all(
      Array.from({ length: AT_ONCE }, () => Deno.connect({ transport: "unix", path: monitor })),
    );
    await Promise.all(connections.map(async (connection, index) => {
      const beginning = BEGINNINGS[(done + index) % BEGINNINGS.length] ?? "";
      if (beginning !== "") await connection.write(encoder.encode(beginning));
      closeQuietly(connection);
    }));
  }
}
