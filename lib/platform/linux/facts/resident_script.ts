/**
 * A fixed script that keeps running and answers questions.
 *
 * Starting a process takes longer than reading most facts: a millisecond compared to a tenth of
 * one. So a script is started for its first question, kept running, and stopped after a while
 * without questions. It reads questions from its standard input and ends each answer with a line
 * `end`. It exits at the end of its input, so it never outlives the agent, even an agent that was
 * killed.
 *
 * @module
 */

import { commandFailed, timedOut } from "../../../base/errors.ts";
import { Timer } from "../../../base/timer.ts";
import { scriptArgs } from "../programs.ts";
import { spawnShell } from "../shell_child.ts";

/**
 * Longer than most monitoring systems wait between two questions, and than the watcher of the guest
 * does: starting the scripts anew takes most of what its slow look takes.
 */
const DEFAULT_IDLE_MS = 90_000;
/** How much later a script without questions may end if that saves a wake-up. */
const IDLE_SLACK_MS = 15_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const BUFFER_BYTES = 16 * 1024;
const END = "end\n";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const END_BYTES = encoder.encode(END);

/** The time limit of a question, and its cancellation. */
export interface QuestionOptions {
  /** Milliseconds, including the wait for earlier questions. */
  readonly timeoutMs: number;
  /** How many milliseconds later than that it may give up. @default {0} */
  readonly slackMs?: number;
  readonly signal: AbortSignal;
}

/** The script exited in the middle of an answer: it was killed, or it could not run. */
class ScriptEnded extends Error {
  override readonly name = "ScriptEnded";
}

/** One process that runs the script. */
class ScriptProcess {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamBYOBReader;
  /** Shared by all answers: the collector would free one buffer per answer too late. */
  #buffer = new Uint8Array(BUFFER_BYTES);

  constructor(code: string) {
    this.#child = spawnShell(scriptArgs(code), { detached: false });
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.getReader({ mode: "byob" });
  }

  /** @throws {ScriptEnded} */
  async ask(question: string): Promise<string> {
    try {
      await this.#writer.write(encoder.encode(question));
    } catch {
      throw new ScriptEnded();
    }
    let size = 0;
    while (!isComplete(this.#buffer, size)) {
      if (size === this.#buffer.byteLength) this.#makeRoom();
      const free = new Uint8Array(this.#buffer.buffer, size);
      const { value, done } = await this.#reader.read(free);
      if (value === undefined || done) throw new ScriptEnded();
      // The stream hands back the buffer that it was given.
      this.#buffer = new Uint8Array(value.buffer);
      size += value.byteLength;
    }
    const answer = decoder.decode(this.#buffer.subarray(0, size - END.length));
    if (this.#buffer.byteLength > BUFFER_BYTES) this.#buffer = new Uint8Array(BUFFER_BYTES);
    return answer;
  }

  /** @throws {RpcError} -32000 if the answer exceeds the limit. */
  #makeRoom(): void {
    const { byteLength } = this.#buffer;
    if (byteLength >= MAX_ANSWER_BYTES) {
      throw commandFailed(`the guest's answer has more than ${MAX_ANSWER_BYTES} bytes`);
    }
    const larger = new Uint8Array(byteLength * 2);
    larger.set(this.#buffer);
    this.#buffer = larger;
  }

  /** Lets the script exit by itself. */
  async end(): Promise<void> {
    await this.#writer.close().catch(() => {});
    await Promise.allSettled([this.#reader.cancel(), this.#child.status]);
  }

  /** Kills the script whatever it is doing; a program it waits for finishes independently. */
  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has already exited.
    }
    await Promise.allSettled([this.#writer.abort(), this.#reader.cancel(), this.#child.status]);
  }
}

/** Whether the bytes received so far end with a line `end`. */
function isComplete(bytes: Uint8Array, size: number): boolean {
  const start = size - END.length;
  if (start < 0 || start > 0 && bytes[start - 1] !== END_BYTES.at(-1)) return false;
  return END_BYTES.every((byte, index) => bytes[start + index] === byte);
}

/** Starts a script when it is needed and asks it one question at a time. */
export class ResidentScript implements AsyncDisposable {
  readonly #code: string;
  readonly #idleMs: number;
  #process: ScriptProcess | undefined;
  /** Processes that were killed and have not exited yet. */
  readonly #killed = new Set<Promise<void>>();
  #lastTurn: Promise<void> = Promise.resolve();
  /** Questions in progress or waiting. */
  #turns = 0;
  #lastAnswerAt = 0;
  #idleTimer: Timer | undefined;

  /**
   * @param code The script; it never contains anything from the wire.
   * @param idleMs Milliseconds without questions after which it is stopped. @default {90_000}
   */
  constructor(code: string, idleMs: number = DEFAULT_IDLE_MS) {
    this.#code = code;
    this.#idleMs = idleMs;
  }

  /**
   * Returns the script's answer without its last line, `end`. A script that has died is restarted
   * once.
   *
   * @param question One or more lines, each with its newline.
   * @throws {RpcError} -32003 on timeout, -32000 if the script exits without an answer or prints
   * more than 1 MiB.
   * @throws The signal's reason.
   */
  async ask(question: string, { timeoutMs, slackMs, signal }: QuestionOptions): Promise<string> {
    signal.throwIfAborted();
    const { promise: interrupted, reject } = Promise.withResolvers<never>();
    interrupted.catch(() => {});
    const onAbort = () => reject(signal.reason);
    const giveUp = () => reject(timedOut(`no answer within ${timeoutMs} ms`));
    const timer = new Timer(timeoutMs, giveUp, { slackMs });
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await this.#inTurn(interrupted, () => this.#exchange(question, interrupted));
    } finally {
      timer.stop();
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Waits for earlier questions first; without any, the question is sent at once. */
  async #inTurn<T>(interrupted: Promise<never>, act: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#lastTurn;
    this.#lastTurn = promise;
    this.#turns += 1;
    try {
      if (this.#turns > 1) await Promise.race([before, interrupted]);
      return await act();
    } finally {
      this.#turns -= 1;
      // The next question has to wait for the earlier ones even if this one gave up waiting.
      void before.then(resolve);
    }
  }

  async #exchange(question: string, interrupted: Promise<never>): Promise<string> {
    try {
      return await Promise.race([this.#askTwice(question), interrupted]);
    } catch (error) {
      // The rest of an answer may still arrive.
      this.#kill();
      if (!(error instanceof ScriptEnded)) throw error;
      throw commandFailed("the shell that reads system facts exited unexpectedly");
    } finally {
      this.#lastAnswerAt = performance.now();
      this.#watchIdleness(this.#idleMs);
    }
  }

  /** A timer that is only set again when it fires costs nothing per question. */
  #watchIdleness(delayMs: number): void {
    if (this.#idleTimer !== undefined || this.#process === undefined) return;
    const timer = new Timer(delayMs, () => {
      this.#idleTimer = undefined;
      const leftMs = this.#lastAnswerAt + this.#idleMs - performance.now();
      if (this.#turns > 0) this.#watchIdleness(this.#idleMs);
      else if (leftMs > 0) this.#watchIdleness(leftMs);
      else void this.#end();
    }, { lasting: true, slackMs: IDLE_SLACK_MS });
    this.#idleTimer = timer;
  }

  async #askTwice(question: string): Promise<string> {
    const kept = this.#process;
    if (kept !== undefined) {
      try {
        return await kept.ask(question);
      } catch (error) {
        if (!(error instanceof ScriptEnded) || this.#process !== kept) throw error;
        this.#kill();
      }
    }
    this.#process = new ScriptProcess(this.#code);
    return await this.#process.ask(question);
  }

  #kill(): void {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    const killed = process.kill().finally(() => this.#killed.delete(killed));
    this.#killed.add(killed);
  }

  async #end(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.end();
  }

  /** Stops the script once all questions are answered, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lastTurn;
    this.#idleTimer?.stop();
    await Promise.all([this.#end(), ...this.#killed]);
  }
}
