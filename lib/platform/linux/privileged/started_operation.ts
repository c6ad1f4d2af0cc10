/**
 * The agent's side of an operation that a broker runs in the background.
 *
 * @module
 */

import { commandFailed, RpcError } from "../../../base/errors.ts";
import { countGarbage } from "../../../base/memory/garbage.ts";
import { messageOf } from "../../../base/message_of.ts";
import type { CommandEnd, SendableSignal, StartedCommand } from "../../../guest/commands.ts";
import type { BackgroundLimits } from "../../../guest/privileged.ts";
import { LineReader } from "../../../privileged/line_reader.ts";
import {
  type BrokerAnswer,
  CANCEL,
  errorFrom,
  lineOf,
  MAX_MESSAGE_BYTES,
  parseAnswer,
} from "../../../privileged/messages.ts";
import { writeAll } from "../../../base/write_all.ts";
import { watchForInterruption } from "../../processes/interruption.ts";
import type { BrokerLink } from "./broker_link.ts";

/** The signals that stop it: there is no other way to tell a package manager something. */
const STOPPING: readonly SendableSignal[] = ["SIGINT", "SIGTERM", "SIGKILL", "SIGQUIT", "SIGHUP"];
/** The exit status of what failed without having one. */
const FAILED = 1;
/** The exit status of what Ctrl-C has ended: 128 + SIGINT. */
const INTERRUPTED = 130;
/** A line of a message is text, JSON and base64, each of its size. */
const GARBAGE_PER_CHARACTER = 4;

/**
 * Asks for an operation; resolves once its program runs.
 *
 * @throws {RpcError} as the operation does if it ends before that.
 */
export async function startOperation(
  link: BrokerLink,
  operation: string,
  params: unknown,
  limits: BackgroundLimits,
): Promise<StartedCommand> {
  const lines = new LineReader(link, MAX_MESSAGE_BYTES);
  const next = async () => await nextAnswer(lines, operation);
  await send(link, operation, params);
  const first = await next();
  if ("error" in first) throw errorFrom(first.error);
  if ("started" in first) return new StartedOperation(link, first.started.pid, next, limits);
  throw commandFailed(`the broker's answer to ${operation} makes no sense`);
}

class StartedOperation implements StartedCommand {
  readonly pid: number;
  readonly ended: Promise<CommandEnd>;
  readonly #link: BrokerLink;
  readonly #next: () => Promise<BrokerAnswer>;
  readonly #onOutput: BackgroundLimits["onOutput"];
  #isStopping = false;
  #hasLeft = false;

  constructor(
    link: BrokerLink,
    pid: number,
    next: () => Promise<BrokerAnswer>,
    { timeoutMs, signal, onOutput }: BackgroundLimits,
  ) {
    this.pid = pid;
    this.#link = link;
    this.#next = next;
    this.#onOutput = onOutput;
    this.ended = this.#end(timeoutMs, signal);
  }

  async #end(timeoutMs: number, signal: AbortSignal): Promise<CommandEnd> {
    const interruption = watchForInterruption(timeoutMs, signal);
    const code = this.#listen();
    let endedBy: CommandEnd["endedBy"] = "itself";
    try {
      const first = await Promise.race([code, interruption.happened]);
      if (typeof first === "string") {
        endedBy = first;
        // An agent that ends leaves it alone: it may be what replaces the agent.
        if (first === "timeout") await this.#stop();
        else this.#hasLeft = true;
      }
      return {
        code: endedBy === "cancellation" ? -1 : await code,
        signal: null,
        endedBy,
        isStuck: false,
      };
    } finally {
      interruption.forget();
      await this.#link.close();
    }
  }

  /** Passes on the output; returns the exit status. Never rejects. */
  async #listen(): Promise<number> {
    try {
      for (;;) {
        const answer = await this.#next();
        if ("stream" in answer) {
          await this.#onOutput(answer.stream, Uint8Array.fromBase64(answer.base64));
        } else if ("error" in answer) throw errorFrom(answer.error);
        else if ("result" in answer) return exitCode(answer.result);
      }
    } catch (error) {
      if (this.#hasLeft) return FAILED;
      const reason = error instanceof RpcError ? error.data.reason : messageOf(error);
      const line = new TextEncoder().encode(`kvmmanager-agent: ${reason}\n`);
      await this.#onOutput("stderr", line).catch(() => {});
      return this.#isStopping ? INTERRUPTED : FAILED;
    }
  }

  async #stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    // A broker that has gone has nothing to stop.
    await send(this.#link, CANCEL, {}).catch(() => {});
  }

  write(): Promise<void> {
    return Promise.reject(commandFailed("this job reads no input"));
  }

  closeInput(): Promise<void> {
    return Promise.resolve();
  }

  async signal(signal: SendableSignal): Promise<void> {
    if (!STOPPING.includes(signal)) {
      throw commandFailed(
        `this job takes no ${signal}; ${STOPPING.join(", ")} stop it, each in the same way`,
      );
    }
    await this.#stop();
  }

  resize(): Promise<void> {
    return Promise.reject(commandFailed("this job has no terminal"));
  }
}

async function send(link: BrokerLink, operation: string, params: unknown): Promise<void> {
  const bytes = lineOf({ operation, params, sent_at_ms: Date.now() });
  if (bytes.byteLength > MAX_MESSAGE_BYTES) {
    throw commandFailed(`the broker takes requests up to ${MAX_MESSAGE_BYTES} bytes`);
  }
  try {
    await writeAll(link, bytes);
  } catch (error) {
    throw commandFailed(`the connection to the broker failed: ${messageOf(error)}`);
  }
}

async function nextAnswer(lines: LineReader, operation: string): Promise<BrokerAnswer> {
  let line: string | undefined;
  try {
    line = await lines.next();
  } catch (error) {
    throw commandFailed(`the connection to the broker failed: ${messageOf(error)}`);
  }
  if (line === undefined) {
    throw commandFailed(`the broker ended before ${operation} did; see its log`);
  }
  countGarbage(line.length * GARBAGE_PER_CHARACTER);
  const answer = parseAnswer(line);
  if (answer === undefined) {
    throw commandFailed(`the broker's answer to ${operation} makes no sense`);
  }
  return answer;
}

const exitCode = (result: unknown): number =>
  typeof result === "object" && result !== null && "exit_code" in result &&
    typeof result.exit_code === "number"
    ? result.exit_code
    : FAILED;
