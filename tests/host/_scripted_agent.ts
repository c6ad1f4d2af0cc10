/**
 * Agents with scripted behaviour: answer, hang, flap, flood. Any number of connections.
 *
 * @module
 */

import * as z from "zod";
import { agentStopping } from "../../lib/base/errors.ts";

const Request = z.looseObject({
  method: z.string(),
  params: z.optional(z.unknown()),
  id: z.optional(z.union([z.string(), z.number()])),
});

/** A request as received. */
export type ScriptedRequest = z.output<typeof Request>;

/** Decides what is sent back: a line, several, or nothing. */
export type Answerer = (request: ScriptedRequest) => Reply | undefined;

/** Text to send verbatim, and whether the connection is closed afterwards. */
export interface Reply {
  readonly text: string;
  readonly hangUp?: boolean;
}

/** A result as the line of an answer. */
export const resultLine = ({ id }: ScriptedRequest, result: unknown): string =>
  `${JSON.stringify({ jsonrpc: "2.0", result, id })}\n`;

/** An error as the line of an answer. */
export const errorLine = ({ id }: ScriptedRequest, code: number, reason: string): string =>
  `${
    JSON.stringify({ jsonrpc: "2.0", error: { code, message: "Error", data: { reason } }, id })
  }\n`;

/** The answer of an agent that is stopping, as the line of an answer. */
export const stoppingLine = ({ id }: ScriptedRequest): string =>
  `${JSON.stringify({ jsonrpc: "2.0", error: agentStopping().toWire(), id })}\n`;

const RESULTS: Readonly<Record<string, unknown>> = {
  ping: { pong: true, timestamp: 1 },
  get_agent_info: {
    version: "1.0.0",
    protocol_version: "1.0.0",
    platform: "linux",
    capabilities: ["system_info"],
  },
  get_system_info: {
    os_type: "linux",
    os_name: "Testix",
    os_version: "1",
    kernel_version: "6.1",
    hostname: "guest",
    architecture: "x86_64",
    cpu_count: 1,
    total_memory_kb: 1000,
    available_memory_kb: 400,
    uptime_seconds: 100,
    load_average: [0.5, 0.4, 0.3],
  },
  get_network_info: {
    interfaces: [{
      name: "eth0",
      mac_address: "52:54:00:12:34:56",
      ipv4_addresses: ["192.0.2.7/24"],
      ipv6_addresses: [],
      state: "up",
      mtu: 1500,
    }],
  },
  get_disk_usage: {
    filesystems: [{
      mount_point: "/",
      device: "/dev/vda1",
      fs_type: "ext4",
      total_bytes: 100,
      used_bytes: 91,
      available_bytes: 9,
      used_percent: 91,
    }],
  },
};

/** Answers like the agent of a guest that never changes. */
export const answerWell: Answerer = (request) => {
  const result = RESULTS[request.method];
  const text = result === undefined
    ? errorLine(request, -32601, `no method "${request.method}"`)
    : resultLine(request, result);
  return { text };
};

/** The result that {@link answerWell} gives, with some members changed. */
export const wellResult = (method: string, changes: Readonly<Record<string, unknown>>): unknown =>
  Object.assign({}, RESULTS[method], changes);

/** Serves a unix socket. */
export class ScriptedAgent implements AsyncDisposable {
  /** How requests are answered from now on. */
  answerer: Answerer = answerWell;
  /** The number of connections so far. */
  connections = 0;
  /** Every request received. */
  readonly requests: ScriptedRequest[] = [];
  readonly #open = new Set<Deno.UnixConn>();
  readonly #listener: Deno.UnixListener;
  readonly #serving: Promise<void>;

  constructor(readonly path: string, readonly greeting = "") {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#serving = this.#serve();
  }

  /** Closes all connections; new ones are accepted. */
  hangUp(): void {
    for (const connection of this.#open) this.#close(connection);
  }

  /** Sends text on every connection. */
  async send(text: string): Promise<void> {
    await Promise.all([...this.#open].map((connection) => write(connection, text)));
  }

  async #serve(): Promise<void> {
    const serving: Promise<void>[] = [];
    try {
      for await (const connection of this.#listener) {
        this.connections += 1;
        this.#open.add(connection);
        serving.push(this.#converse(connection));
      }
    } catch {
      // The listener was closed.
    }
    await Promise.all(serving);
  }

  async #converse(connection: Deno.UnixConn): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(64 * 1024);
    let unfinished = "";
    try {
      await write(connection, this.greeting);
      for (;;) {
        const read = await connection.read(buffer);
        if (read === null) break;
        const text = unfinished + decoder.decode(buffer.subarray(0, read), { stream: true });
        const lines = text.split("\n");
        unfinished = lines.pop() ?? "";
        for (const line of lines.filter((line) => line !== "")) {
          const request = z.parse(Request, JSON.parse(line));
          this.requests.push(request);
          const reply = this.answerer(request);
          if (reply === undefined) continue;
          await write(connection, reply.text);
          if (reply.hangUp) this.#close(connection);
        }
      }
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof z.core.$ZodError) throw error;
      // The connection was closed.
    }
    this.#close(connection);
  }

  #close(connection: Deno.UnixConn): void {
    if (!this.#open.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // Closed by the other side.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.hangUp();
    await this.#serving;
  }
}

async function write(connection: Deno.UnixConn, text: string): Promise<void> {
  let rest = new TextEncoder().encode(text);
  while (rest.byteLength > 0) rest = rest.subarray(await connection.write(rest));
}
