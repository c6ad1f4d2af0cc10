/**
 * A terminal as a person has one, in which kvmmanager-ctl runs: script(1) provides it.
 *
 * @module
 */

import { assert } from "@std/assert";
import { until, within } from "../../_waiting.ts";

const DEADLINE_MS = 30_000;

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** How the terminal is made. */
export interface TerminalOptions {
  /** @default {100} */
  readonly columns?: number;
  /** @default {30} */
  readonly rows?: number;
  /** How long to wait for what it should show. @default {30000} */
  readonly deadlineMs?: number;
}

/** A terminal in which a program runs, between two looks at the terminal's settings. */
export class Terminal implements AsyncDisposable {
  text = "";
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #deadlineMs: number;
  #hasEnded = false;

  constructor(words: readonly string[], options: TerminalOptions = {}) {
    const { columns = 100, rows = 30, deadlineMs = DEADLINE_MS } = options;
    this.#deadlineMs = deadlineMs;
    const command = [
      `stty columns ${columns} rows ${rows}`,
      'printf "before=%s\\n" "$(stty -g)"',
      words.map(quoted).join(" "),
      'printf "\\nstatus=%s\\n" $?',
      'printf "after=%s\\n" "$(stty -g)"',
    ].join("; ");
    this.#child = new Deno.Command("script", {
      args: ["-q", "-e", "-f", "-c", command, "/dev/null"],
      env: { TERM: "xterm-256color", SHELL: "/bin/sh" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keys = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Presses keys. */
  async press(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** Waits until something is on the terminal. */
  async shows(pattern: RegExp | string): Promise<void> {
    const isThere = () =>
      typeof pattern === "string" ? this.text.includes(pattern) : pattern.test(this.text);
    const what = () => `${pattern} in ${JSON.stringify(this.text.slice(-1500))}`;
    await until(() => isThere() || this.#hasEnded, what, this.#deadlineMs);
    assert(isThere(), what());
  }

  /** Forgets what has been shown so far. */
  clear(): void {
    this.text = "";
  }

  /** Sends a signal to kvmmanager-ctl itself. */
  async signal(signal: Deno.Signal): Promise<void> {
    Deno.kill(await this.#ctlPid(), signal);
  }

  /** Changes the size of the window, which kvmmanager-ctl is told by SIGWINCH. */
  async resize(rows: number, columns: number): Promise<void> {
    const device = await Deno.readLink(`/proc/${await this.#ctlPid()}/fd/0`);
    const args = ["-F", device, "rows", String(rows), "columns", String(columns)];
    const { success } = await new Deno.Command("stty", { args }).output();
    assert(success, `stty -F ${device}`);
  }

  async #ctlPid(): Promise<number> {
    const found: number[] = [];
    for (const pid of await descendants(this.#child.pid)) {
      const words = (await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "")).split("\0");
      const isCtl = words[0] === Deno.execPath() &&
        words.some((word) => word.endsWith("/host/ctl/main.ts"));
      if (isCtl) found.push(pid);
    }
    const [pid, ...others] = found;
    assert(pid !== undefined && others.length === 0, "one process of kvmmanager-ctl");
    return pid;
  }

  /** Waits for the end; returns its exit status, and fails unless the terminal is as it was. */
  async ended(): Promise<number> {
    await this.shows(/after=\S+/);
    await within(this.#child.status, "the end of script", this.#deadlineMs);
    await this.#reading;
    return Number(/status=(\d+)/.exec(this.text)?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#reading;
    await this.#keys.close().catch(() => {});
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      this.text += decoder.decode(chunk, { stream: true });
    }
    this.#hasEnded = true;
  }
}

async function descendants(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  const children = text.split(" ").filter((word) => word !== "").map(Number);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}
