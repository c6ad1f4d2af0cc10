/**
 * A shell that creates and renames files.
 *
 * Deno cannot do this without following links: see `walk.ts`. Starting a shell takes longer than
 * its work for one file, so it serves several requests in turn (`file_shells.ts`).
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { countChild } from "../../../base/memory/garbage.ts";
import { Aborted, withTimer } from "../../../base/waiting.ts";
import { ENTER_HERE } from "../processes/command_cgroup.ts";
import { signalGroup } from "../processes/process_group.ts";
import { scriptArgs } from "../programs.ts";
import { spawnShell } from "../shell_child.ts";
import { FILE_SHELL_SCRIPT } from "./file_shell_script.ts";
import type { Route } from "./walk.ts";

/** How long a shell may clean up when it stops, and how long the kernel may take to kill it. */
const GRACE_MS = 1000;

/** The shell's answer. */
export interface ShellAnswer {
  /** `ready`, or the final status: 0 for success. */
  readonly word: string;
  /** What it and its programs printed before that. */
  readonly text: string;
}

const NUL = 0;
const NEWLINE = 0x0a;
const encoder = new TextEncoder();

/** A running shell, for one request at a time. */
export class FileShell {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #hasExited = false;
  #ending: Promise<void> | undefined;
  #isIdle = true;

  /** @param separate Whether it moves to the control group for commands. */
  constructor(separate: boolean) {
    countChild();
    const enter = ["-c", `${ENTER_HERE}${FILE_SHELL_SCRIPT}`, "sh"];
    this.#child = spawnShell(separate ? enter : scriptArgs(FILE_SHELL_SCRIPT));
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.getReader();
    void this.#child.status.then(() => this.#hasExited = true);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it is ready for a request. */
  get isIdle(): boolean {
    return this.#isIdle && !this.#hasExited && this.#ending === undefined;
  }

  /**
   * Sends a request and waits for its first answer.
   *
   * @param route Where the operation takes place.
   * @param values What else the operation reads.
   * @throws The signal's reason, once the shell and its children have been stopped.
   */
  async ask(
    operation: string,
    { start, names }: Route,
    values: readonly string[],
    signal: AbortSignal,
  ): Promise<ShellAnswer> {
    this.#isIdle = false;
    const all = [operation, start, String(names.length), ...names, ...values];
    const request = all.map((value) => `${value.split("\n").length}\n${value}\n`).join("");
    return await this.send([encoder.encode(request)], signal);
  }

  /**
   * Sends more and waits for the next answer.
   *
   * @throws As {@link ask}.
   */
  async send(
    parts: readonly Uint8Array<ArrayBuffer>[],
    signal: AbortSignal,
  ): Promise<ShellAnswer> {
    if (signal.aborted) await this.end();
    signal.throwIfAborted();
    const aborted = new Aborted(signal);
    using _aborted = aborted;
    // A failing shell answers without reading the rest: its answer counts, not the broken pipe.
    for (const part of parts) void this.#writer.write(part).catch(() => {});
    const answer = await Promise.race([this.#answer(), aborted.happened]);
    if (answer !== undefined) {
      this.#isIdle = answer.word !== "ready";
      return answer;
    }
    await this.end();
    throw signal.reason;
  }

  async #answer(): Promise<ShellAnswer> {
    let bytes = new Uint8Array(0);
    for (;;) {
      const end = bytes.lastIndexOf(NUL);
      if (end >= 0 && bytes.at(-1) === NEWLINE) {
        const decoder = new TextDecoder();
        return {
          word: decoder.decode(bytes.subarray(end + 1, -1)),
          text: decoder.decode(bytes.subarray(0, end)),
        };
      }
      const { value, done } = await this.#reader.read();
      if (done) throw commandFailed("the file shell exited unexpectedly");
      bytes = bytes.byteLength === 0 ? value : join(bytes, value);
    }
  }

  /**
   * Stops the shell, which removes an unfinished file. A hung shell is killed with its children.
   */
  end(): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    void this.#writer.close().catch(() => {});
    const { status } = this.#child;
    await withTimer(GRACE_MS, status);
    if (!this.#hasExited) {
      await signalGroup(this.#child, "SIGKILL");
      await withTimer(GRACE_MS, status);
    }
    await this.#reader.cancel().catch(() => {});
  }
}

function join(
  first: Uint8Array<ArrayBuffer>,
  second: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.byteLength + second.byteLength);
  joined.set(first);
  joined.set(second, first.byteLength);
  return joined;
}
