/**
 * kvmmanager-ctl as users run it: with the flags of its task only.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import manifest from "../../../deno.json" with { type: "json" };
import type { Outcome } from "../../_deno.ts";
import { until, within } from "../../_waiting.ts";

const DEADLINE_MS = 30_000;
/** With this variable set, the tests run through a daemon; see hostd_test.ts. */
const IS_THROUGH_HOSTD: boolean = Deno.env.has("KVMMANAGER_TEST_THROUGH_HOSTD");

/** A test whose agent counts requests: a daemon would ask it some of its own. */
export function channelTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, ignore: IS_THROUGH_HOSTD });
}

const SCRIPT = IS_THROUGH_HOSTD ? "./_through_hostd.ts" : "../../../host/ctl/main.ts";
const CTL = fromFileUrl(new URL(SCRIPT, import.meta.url));
const FLAGS = manifest.tasks.ctl.command.split(" ").filter((word) => word.startsWith("--"));

/** The words of the command line. */
export const ctlWords = (args: readonly string[]): string[] => [
  Deno.execPath(),
  "run",
  "--quiet",
  ...FLAGS,
  CTL,
  ...args,
];

/** A run that can be observed and interrupted. */
export class RunningCtl implements AsyncDisposable {
  stdout = "";
  stderr = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  #hasEnded = false;

  constructor(args: readonly string[], wrapper: readonly string[] = []) {
    const [program = "", ...rest] = [...wrapper, ...ctlWords(args)];
    this.#child = new Deno.Command(program, {
      args: rest,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = Promise.all([
      this.#read(this.#child.stdout, (text) => this.stdout += text),
      this.#read(this.#child.stderr, (text) => this.stderr += text),
    ]);
  }

  /** Its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Writes all of its standard input. */
  async feed(input: string | Uint8Array): Promise<void> {
    const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
    const writer = this.#child.stdin.getWriter();
    try {
      await writer.write(bytes);
      await writer.close();
    } catch {
      // It closed its input early.
    }
  }

  /** Waits until it has printed a match on either stream. */
  async prints(pattern: RegExp): Promise<void> {
    await until(
      () => pattern.test(this.stdout) || pattern.test(this.stderr) || this.#hasEnded,
      () => `${pattern} in ${this.stdout} ${this.stderr}`,
    );
  }

  /** Ctrl-C, or another signal. */
  kill(signal: Deno.Signal = "SIGINT"): void {
    this.#child.kill(signal);
  }

  /** Waits for its end. */
  async ended(): Promise<Outcome> {
    try {
      const { code } = await within(this.#child.status, `the end; ${this.stderr}`, DEADLINE_MS);
      await this.#reading;
      return { code, stdout: this.stdout, stderr: this.stderr };
    } finally {
      await this.#closeInput();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) {
      try {
        this.kill("SIGKILL");
      } catch {
        // It has just ended.
      }
    }
    await this.#child.status;
    await this.#reading;
    await this.#closeInput();
  }

  async #closeInput(): Promise<void> {
    try {
      await this.#child.stdin.close();
    } catch {
      // Already closed.
    }
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
    this.#hasEnded = true;
  }
}

/** Runs it to its end. */
export async function ctl(
  args: readonly string[],
  input: string | Uint8Array = "",
): Promise<Outcome> {
  await using running = new RunningCtl(args);
  await running.feed(input);
  return await running.ended();
}
