/**
 * What the tests of lib/ share: temporary directories, a log and configurations.
 *
 * @module
 */

import { fail } from "@std/assert";
import { type Config, defaultConfig, type LogLevel } from "../../lib/config/schema.ts";
import { RpcError } from "../../lib/base/errors.ts";
import type { Log, LogFields } from "../../lib/log/logger.ts";

/** A temporary directory, without links in its path, removed with everything in it. */
export class TempDirectory implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<TempDirectory> {
    return new TempDirectory(await Deno.realPath(await Deno.makeTempDir({ prefix: "kvm-test-" })));
  }

  /** A path in it. */
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

/** A log that keeps its lines in memory. */
export class CollectingLog implements Log {
  readonly lines: LogLine[] = [];

  /** @param areDetailsLogged Whether the log's level is below `info`. */
  constructor(readonly areDetailsLogged = true) {}

  isLogged(level: LogLevel): boolean {
    return this.areDetailsLogged || !["debug", "trace"].includes(level);
  }

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

/** The default configuration with some keys changed, and without an effective rate limit. */
export function configWith(changes: Partial<Config> = {}): Config {
  return { ...defaultConfig(), max_requests_per_second: 1_000_000, ...changes };
}

/** The {@link RpcError} that a function throws or its promise rejects with. */
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
