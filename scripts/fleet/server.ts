/**
 * A NATS server for a demonstration or a measurement.
 *
 * @module
 */

import { toolEnvironment } from "../vm/tools.ts";

/** A server that runs. */
export interface NatsServer {
  readonly url: string;
  readonly pid: number;
}

/**
 * Starts a server, which ends with the stack. Clients try until it accepts them.
 *
 * @param configure Returns the configuration for an address.
 */
export async function startNatsServer(
  directory: string,
  stack: AsyncDisposableStack,
  configure: (address: string) => string | Promise<string>,
): Promise<NatsServer> {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${free.addr.port}`;
  free.close();
  const file = `${directory}/nats-server.conf`;
  await Deno.writeTextFile(file, await configure(address));
  const server = new Deno.Command("nats-server", {
    env: toolEnvironment(),
    args: ["--config", file],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  stack.defer(() => end(server));
  return { url: `nats://${address}`, pid: server.pid };
}

/** Ends a process, if it has not ended. */
export async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended.
  }
  await child.status;
}
