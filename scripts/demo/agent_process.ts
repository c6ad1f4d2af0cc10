/**
 * The agent of the demo: a process of its own, confined, in a temporary directory.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import * as z from "zod";
import { withTimer } from "../../lib/base/waiting.ts";
import { agentCommand } from "../agent.ts";

const START_LIMIT_MS = 30_000;
/** Longer than the agent itself takes to end what it is doing. */
const STOP_LIMIT_MS = 15_000;
const MAX_LOG_LINES = 200;

const LogLine = z.looseObject({
  message: z.string(),
  read: z.optional(z.array(z.string())),
  write: z.optional(z.array(z.string())),
});

/** A line of the agent's log that the demo knows. */
type LogLine = z.output<typeof LogLine>;

function parseLogLine(text: string): LogLine | undefined {
  try {
    return z.parse(LogLine, JSON.parse(text));
  } catch {
    // What the runtime itself says, before there is an agent.
    return undefined;
  }
}

/** A running agent; disposing of it ends it, and what it runs, for good. */
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

  /** Starts an agent with a command line of its own. */
  static async start(args: readonly string[]): Promise<AgentProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: await agentCommand(args, { bundled: false }),
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      // A Ctrl-C is for the demo, which then stops the agent; not for both at once.
      detached: true,
    }).spawn();
    return new AgentProcess(child);
  }

  /** The last lines of its log. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** The directories that Deno lets it read and write, or `undefined` where it is not confined. */
  get confinement(): { read: readonly string[]; write: readonly string[] } | undefined {
    const { read, write } = this.#confinement ?? {};
    return read === undefined || write === undefined ? undefined : { read, write };
  }

  /**
   * Resolves once it serves its channel.
   *
   * @throws {Error} when it ends instead, or takes too long.
   */
  async ready(): Promise<void> {
    // Its log ends with it, and with what it has to say about that.
    await withTimer(START_LIMIT_MS, Promise.race([this.#ready.promise, this.#logEnded]));
    if (!this.#isReady) throw new Error("the agent did not start");
  }

  /** Ends it as a service manager does: SIGTERM, and SIGKILL only when that is not obeyed. */
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
      // Ended already.
    }
  }
}
