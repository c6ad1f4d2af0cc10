/**
 * A daemon within the test's process, scripted agents, and clients of its socket.
 *
 * @module
 */

import { fail } from "@std/assert";
import * as z from "zod";
import { Clients } from "../../../host/daemon/clients.ts";
import { Host } from "../../../host/daemon/host.ts";
import { listenAt, type Listener } from "../../../host/daemon/listener.ts";
import { until, within } from "../../_waiting.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { ScriptedAgent } from "../_scripted_agent.ts";

const SUFFIX = ".org.kvmmanager.agent.0";

/** A line from the daemon. */
const Answer = z.looseObject({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number(), z.null()]),
  result: z.optional(z.unknown()),
  error: z.optional(z.looseObject({
    code: z.number(),
    message: z.string(),
    data: z.looseObject({ reason: z.string() }),
  })),
});

/** An answer as received. */
export type Answer = z.output<typeof Answer>;

/** A client that says what it likes. */
export class RawClient implements AsyncDisposable {
  readonly lines: string[] = [];
  hasEnded = false;
  readonly #connection: Deno.UnixConn;
  readonly #reading: Promise<void>;

  private constructor(connection: Deno.UnixConn, isReading: boolean) {
    this.#connection = connection;
    this.#reading = isReading ? this.#read() : Promise.resolve();
  }

  /** @param isReading Whether it reads what it gets. */
  static async connect(path: string, isReading = true): Promise<RawClient> {
    return new RawClient(await Deno.connect({ transport: "unix", path }), isReading);
  }

  /** Sends text or bytes as they are. */
  async send(data: string | Uint8Array): Promise<void> {
    let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (rest.byteLength > 0) rest = rest.subarray(await this.#connection.write(rest));
  }

  /** Sends a request. */
  async request(members: Readonly<Record<string, unknown>>): Promise<void> {
    await this.send(`${JSON.stringify({ jsonrpc: "2.0", ...members })}\n`);
  }

  /** The answer at this position. */
  async answer(index: number): Promise<Answer> {
    await until(() => this.lines.length > index || this.hasEnded, `answer ${index}`);
    return z.parse(Answer, JSON.parse(this.lines[index] ?? fail("the daemon disconnected")));
  }

  /** Asks one thing and returns its answer. */
  async ask(members: Readonly<Record<string, unknown>>): Promise<Answer> {
    const index = this.lines.length;
    await this.request({ id: `ask ${index}`, ...members });
    return await this.answer(index);
  }

  /** Leaves. */
  close(): void {
    try {
      this.#connection.close();
    } catch {
      // Closed already.
    }
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(64 * 1024);
    let unfinished = "";
    try {
      for (;;) {
        const read = await this.#connection.read(buffer);
        if (read === null) break;
        const parts = decoder.decode(buffer.subarray(0, read), { stream: true }).split("\n");
        parts[0] = unfinished + parts[0];
        unfinished = parts.pop() ?? "";
        this.lines.push(...parts);
      }
    } catch {
      // Closed.
    }
    this.hasEnded = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#reading;
  }
}

/** A daemon with agents in a temporary directory. */
export class TestHostd implements AsyncDisposable {
  readonly problems: string[] = [];
  readonly #stack: AsyncDisposableStack;

  private constructor(
    stack: AsyncDisposableStack,
    readonly directory: TempDirectory,
    readonly host: Host,
    readonly agents: ReadonlyMap<string, ScriptedAgent>,
  ) {
    this.#stack = stack;
  }

  /** Starts one with an agent of each name; resolves when all are ready. */
  static async start(...names: string[]): Promise<TestHostd> {
    const stack = new AsyncDisposableStack();
    const directory = stack.use(await TempDirectory.make());
    const agents = new Map(
      names.map((name) =>
        [name, stack.use(new ScriptedAgent(directory.at(`${name}${SUFFIX}`)))] as const
      ),
    );
    const host = stack.use(
      await Host.open({
        searchPaths: [directory.path],
        libvirtDirectory: directory.at("libvirt"),
        reconnectMs: 50,
      }),
    );
    await within(host.settled(20_000), "the agents");
    const hostd = new TestHostd(stack, directory, host, agents);
    const clients = new Clients(host, (problem) => hostd.problems.push(problem));
    const listeners: Listener[] = await Promise.all([
      listenAt(hostd.socket, (connection) => clients.serve(connection, false)),
      listenAt(hostd.readOnlySocket, (connection) => clients.serve(connection, true)),
    ]);
    stack.defer(async () => {
      for (const listener of listeners) await listener.close();
      await clients.finish(100);
    });
    return hostd;
  }

  get socket(): string {
    return this.directory.at("hostd.sock");
  }

  get readOnlySocket(): string {
    return this.directory.at("read-only.sock");
  }

  agent(name: string): ScriptedAgent {
    return this.agents.get(name) ?? fail(`no agent ${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
