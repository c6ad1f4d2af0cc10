/**
 * The demo's agent: a confined child process.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import * as z from "zod";
import { withTimer } from "../../lib/base/waiting.ts";
import { agentCommand } from "../agent.ts";

const START_LIMIT_MS = 30_000;
/** Longer than the agent takes to finish its work in flight. */
const STOP_LIMIT_MS = 15_000;
const MAX_LOG_LINES = 200;

const LogLine = z.looseObject({
  message: z.string(),
  read: z.optional(z.array(z.string())),
  write: z.optional(z.array(z.string())),
});

/** A line of the agent's log. */
type LogLine = z.output<typeof LogLine>;

function parseLogLine(text: string): LogLine | undefined {
  try {
    return z.parse(LogLine, JSON.parse(text));
  } catch {
    // Printed by the runtime before the agent runs.
    return undefined;
  }
}

/** A running agent. Disposing of it stops it and everything it started. */
export class AgentProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #log: string[] = [];
  readonly #logEnded: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  #isReady = false;
  #confinement: LogLine | undefined;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#logEnded = this.#readLog(child.stderr);
  }

  /** Starts an agent with the given command line. */
  static async start(args: readonly string[]): Promise<AgentProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: await agentCommand(args, { bundled: false }),
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      // Ctrl-C must reach the demo alone, which then stops the agent.
      detached: true,
    }).spawn();
    return new AgentProcess(child);
  }

  /** The last lines of its log. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** The directories Deno lets the agent read and write; `undefined` if it is not confined. */
  get confinement(): { read: readonly string[]; write: readonly string[] } | undefined {
    const { read, write } = this.#confinement ?? {};
    return read === undefined || write === undefined ? undefined : { read, write };
  }

  /**
   * Resolves once the agent serves its channel.
   *
   * @throws {Error} when it exits instead, or takes too long.
   */
  async ready(): Promise<void> {
    // The log ends when the process does, after its last message.
    await withTimer(START_LIMIT_MS, Promise.race([this.#ready.promise, this.#logEnded]));
    if (!this.#isReady) throw new Error("the agent did not start");
  }

  /** Stops the agent as a service manager does: SIGTERM, then SIGKILL if it does not exit. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal("SIGTERM");
    await withTimer(STOP_LIMIT_MS, this.#child.status);
    this.#signal("SIGKILL");
    await this.#child.status;
    await this.#logEnded;
  }

  async #readLog(stderr: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const lines = stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const text of lines) {
      this.#log.push(text);
      if (this.#log.length > MAX_LOG_LINES) this.#log.shift();
      const line = parseLogLine(text);
      if (line?.message.startsWith("confined:")) this.#confinement = line;
      if (line?.message !== "agent ready") continue;
      this.#isReady = true;
      this.#ready.resolve();
    }
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has already exited.
    }
  }
}
