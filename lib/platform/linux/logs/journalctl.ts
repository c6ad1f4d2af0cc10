/**
 * A running journalctl(1), and what it prints.
 *
 * @module
 */

import { commandFailed, permissionDenied, type RpcError } from "../../../base/errors.ts";
import { countChild, countGarbage, countPipeRead } from "../../../base/memory/garbage.ts";
import { Aborted } from "../../../base/waiting.ts";
import { Capture } from "../../processes/capture.ts";
import { signalGroup } from "../processes/process_group.ts";
import { PROGRAM_PATH, scriptArgs, SHELL } from "../programs.ts";
import { OUTPUT_FIELDS, parseBeginning, parseEntry, type PrintedEntry } from "./journal_entries.ts";

const CHUNK_BYTES = 16 * 1024;
/** A longer line is not parsed; only its two ends are read. */
const MAX_LINE_BYTES = 256 * 1024;
const MAX_MESSAGES_BYTES = 4096;
/** What a parsed byte leaves for the garbage collector (measured). */
const PARSED_FACTOR = 8;
const NEWLINE = 0x0a;
/** In its messages: some entries, or all, are hidden from the agent's user. */
const HIDDEN_REGEXP = /insufficient permissions|not seeing messages from other users/i;

/** A process that prints entries, ended when it is disposed of or the signal aborts. */
export class Journalctl implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #messages: Capture;
  readonly #signal: AbortSignal;
  readonly #aborted: Aborted;
  #messageText = "";
  #buffer = new ArrayBuffer(CHUNK_BYTES);
  #chunk = new Uint8Array(0);
  #hasEnded = false;

  constructor(program: string, args: readonly string[], signal: AbortSignal) {
    signal.throwIfAborted();
    countChild();
    this.#signal = signal;
    this.#child = new Deno.Command(SHELL, {
      // Every argument from a request is the value of an option or a match: none begins with "-".
      args: scriptArgs(
        'program=$1; shift; exec "$program" "$@"',
        program,
        "--no-pager",
        "--all",
        "--output=json",
        `--output-fields=${OUTPUT_FIELDS}`,
        ...args,
      ),
      cwd: "/",
      clearEnv: true,
      env: { PATH: PROGRAM_PATH, LC_ALL: "C", TZ: "UTC" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    this.#reader = this.#child.stdout.getReader({ mode: "byob" });
    this.#messages = new Capture(this.#child.stderr, MAX_MESSAGES_BYTES);
    this.#aborted = new Aborted(signal);
    void this.#aborted.happened.then(() => signalGroup(this.#child, "SIGKILL"));
  }

  /** Whether the journal was not shown, or not all of it. Known at the end of the output. */
  get isRefused(): boolean {
    return HIDDEN_REGEXP.test(this.#messageText);
  }

  /**
   * The next entry, or `undefined` at the end.
   *
   * @throws {RpcError} -32001 if the agent's user may not see the journal, -32000 if reading failed.
   */
  async next(): Promise<PrintedEntry | undefined> {
    for (;;) {
      const line = await this.line();
      if (line === undefined) return await this.#ended();
      countGarbage(line.text.length * PARSED_FACTOR);
      const entry = line.isCut ? parseBeginning(line.text) : parseEntry(line.text);
      if (entry !== undefined) return entry;
    }
  }

  /** The next line, or its two ends if it is too long; `undefined` at the end of the output. */
  async line(): Promise<{ text: string; isCut: boolean } | undefined> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const end = this.#chunk.indexOf(NEWLINE);
      const part = end < 0 ? this.#chunk : this.#chunk.subarray(0, end);
      // The fields come in any order: the cursor may be after a huge message.
      if (length > MAX_LINE_BYTES + CHUNK_BYTES) parts.splice(-2, 1);
      parts.push(part.slice());
      length += part.byteLength;
      if (end >= 0) {
        this.#chunk = this.#chunk.subarray(end + 1);
        const decoder = new TextDecoder();
        const text = parts.map((one) => decoder.decode(one, { stream: true })).join("");
        return { text, isCut: length > MAX_LINE_BYTES };
      }
      if (!await this.#fill()) return undefined;
    }
  }

  async #fill(): Promise<boolean> {
    if (this.#hasEnded) return false;
    const { value, done } = await this.#reader.read(new Uint8Array(this.#buffer));
    countPipeRead();
    if (value === undefined || done) {
      this.#hasEnded = true;
      this.#chunk = new Uint8Array(0);
      await this.#messages.ended;
      this.#messageText = new TextDecoder().decode(this.#messages.take().bytes);
      return false;
    }
    this.#buffer = value.buffer;
    this.#chunk = value;
    return true;
  }

  async #ended(): Promise<undefined> {
    this.#signal.throwIfAborted();
    if (this.isRefused) throw notInGroup();
    const { code, signal } = await this.#child.status;
    if (code === 0 || signal !== null) return undefined;
    const message = this.#messageText.trim().split("\n").at(-1) ?? "";
    // A journal without a single entry: the cursor's entry is not there either.
    if (/no journal files were found/i.test(message) || message === "") return undefined;
    throw commandFailed(`the journal cannot be read: ${message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#aborted[Symbol.dispose]();
    await signalGroup(this.#child, "SIGKILL");
    await this.#reader.cancel().catch(() => {});
    await Promise.all([this.#child.status, this.#messages.finish()]);
  }
}

function notInGroup(): RpcError {
  return permissionDenied(
    `the agent's user (uid ${Deno.uid()}) may not read the system's journal; add it to the group ` +
      "systemd-journal and restart the agent",
    { group: "systemd-journal" },
  );
}
