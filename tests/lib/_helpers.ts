/**
 * What the tests of lib/ share: places to work in, stand-ins for the guest, and ways to wait.
 *
 * @module
 */

import { fail } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import { type Config, DEFAULT_CONFIG, type LogLevel } from "../../lib/config/schema.ts";
import { RpcError } from "../../lib/base/errors.ts";
import type { Log, LogFields } from "../../lib/log/logger.ts";

/** The repository's root, with a slash at its end. */
export const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** How long something may take that takes milliseconds: long enough for a machine that is busy. */
const PATIENCE_MS = 20_000;

/** A directory of a test's own, without links in its path, removed with all in it. */
export class TempDirectory implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<TempDirectory> {
    return new TempDirectory(await Deno.realPath(await Deno.makeTempDir({ prefix: "kvm-test-" })));
  }

  /** The path of something in it. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Writes a file in it and returns its path. */
  async file(name: string, content: string): Promise<string> {
    await Deno.writeTextFile(this.at(name), content);
    return this.at(name);
  }

  /** Makes a directory in it and returns its path. */
  async directory(name: string): Promise<string> {
    await Deno.mkdir(this.at(name), { recursive: true });
    return this.at(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Bytes of a text in UTF-8. */
export const byteLength = (text: string): number => new TextEncoder().encode(text).byteLength;

/** The names in a directory, sorted. */
export async function namesIn(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(directory)) names.push(name);
  return names.sort();
}

/** One line that was logged. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines. */
export class CollectingLog implements Log {
  isLogged(): boolean {
    return true;
  }

  readonly lines: LogLine[] = [];

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "error", message, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "warn", message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "info", message, fields });
  }

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "debug", message, fields });
  }

  trace(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "trace", message, fields });
  }

  /** The lines with this message. */
  of(message: string): LogLine[] {
    return this.lines.filter((line) => line.message === message);
  }
}

/** The default configuration with some keys changed, and so many requests let in that none wait. */
export function configWith(changes: Partial<Config> = {}): Config {
  return { ...DEFAULT_CONFIG, max_requests_per_second: 1_000_000, ...changes };
}

/** The {@link RpcError} that a function throws or its promise is rejected with. */
export async function rpcErrorOf(fn: () => unknown): Promise<RpcError> {
  try {
    await fn();
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  return fail("no error was thrown");
}

/** An abort signal that never fires. */
export const NEVER: AbortSignal = new AbortController().signal;

/** Whether a process is there and not just waiting to be reaped by whoever adopted it. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    // The state comes after the name, which is in brackets and may hold anything (proc(5)).
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}

/** Ends a process that a test has left behind, if it is there. */
export function endProcess(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

/** How a process of {@link runDeno} ended; one that took too long with 137. */
export interface DenoOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line of a Deno process for a script of the tests. */
export function denoScript(script: string, flags: readonly string[], args: readonly string[]) {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      `--config=${ROOT}deno.json`,
      ...flags,
      `${ROOT}tests/lib/${script}`,
      ...args,
    ],
    cwd: "/",
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/**
 * Runs a script of the tests in a Deno process of its own: for what belongs to a process as a
 * whole (its working directory, its umask, its permissions) and must not meet other tests.
 */
export async function runDeno(
  script: string,
  { flags = ["-A"], args = [] }: { flags?: readonly string[]; args?: readonly string[] } = {},
): Promise<DenoOutcome> {
  const child = denoScript(script, flags, args).spawn();
  // One that hangs fails its test, and does not outlive it.
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  try {
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    clearTimeout(timer);
  }
}

/** What a program of this machine prints, without the final newline. */
export async function output(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args }).output();
  return new TextDecoder().decode(stdout).trim();
}
