/**
 * The audit file: what was done to the guest, by whom, and what came of it.
 *
 * Each thing has two lines. `begin` is on the disk before anything is done, `end` before the answer
 * leaves; both name who asked and what was done to what, so that each can be read by itself. A
 * `begin` without its `end` is a thing that the agent did not live to finish, or to tell of.
 * Contents are never in it: no file's, no output, no arguments.
 *
 * @module
 */

import type { Config } from "../config/schema.ts";
import { commandFailed, permissionDenied } from "../base/errors.ts";
import { type Log, NO_LOG } from "../log/logger.ts";
import { messageOf } from "../base/message_of.ts";
import { withTimer } from "../base/waiting.ts";
import { DurableLines, openLines } from "./durable_lines.ts";

/** How long a line may take to be on the disk; a disk that hangs must not hang the agent. */
const WAIT_MS = 5000;
/** Lines that wait for such a disk at most. */
const MAX_WAITING = 1000;
/** More than the longest path has (PATH_MAX), in characters. */
const MAX_FIELD_CHARACTERS = 5000;

/** Who has something done: the host, or a program of the guest through the command monitor. */
export type AuditSource = "channel" | "monitor";

/** A thing that is done to the guest. */
export interface AuditedThing {
  readonly who: AuditSource;
  /** The method, or the command of the monitor. */
  readonly what: string;
  /** The request's id, where it has one. */
  readonly id?: unknown;
  /** What it is done to: names, never contents. */
  readonly target: Readonly<Record<string, unknown>>;
}

/** What came of it: nothing more where it went well. */
export interface AuditOutcome {
  /** The error's code. */
  readonly code?: number;
  readonly reason?: unknown;
}

/** How an audit is kept. */
export interface AuditOptions {
  /** Where lines go; `undefined` where no audit is kept. */
  readonly lines: DurableLines | undefined;
  /** Whether what cannot be written down is not done. */
  readonly isRequired: boolean;
  readonly log: Log;
  /** @default {5000} */
  readonly waitMs?: number;
}

/** One thing between its two lines. */
export interface AuditEntry {
  /**
   * Writes what came of it. Once: what comes later is not written.
   *
   * @throws {RpcError} -32000 where the audit is required and cannot be written: the answer must
   * not leave as if nothing was wrong.
   */
  end(outcome: AuditOutcome): Promise<void>;
  /** Writes that what was to happen after the answer has failed; never throws. */
  failedAfterAnswer(error: unknown): Promise<void>;
}

/** Keeps the audit file, or none. */
export class Audit {
  readonly #options: AuditOptions;
  /** Lines of what was done all the same, which are not in the file. */
  #missing = 0;
  #isInTrouble = false;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /** The audit that a configuration asks for; the file is opened with its first line. */
  static for({ audit_file, audit }: Config, log: Log): Audit {
    const lines = audit_file === null ? undefined : new DurableLines(() => openLines(audit_file));
    return new Audit({ lines, isRequired: audit === "required", log });
  }

  /** No audit. */
  static readonly NONE = new Audit({ lines: undefined, isRequired: false, log: NO_LOG });

  /** Whether anything is written. */
  get isKept(): boolean {
    return this.#options.lines !== undefined;
  }

  /** Opens the file anew with the next line, after logrotate has moved it. */
  async reopen(): Promise<void> {
    await this.#options.lines?.close();
  }

  /**
   * Writes that something is about to be done.
   *
   * @throws {RpcError} -32001 where the audit is required and cannot be written.
   */
  async begin({ who, what, id, target }: AuditedThing): Promise<AuditEntry> {
    const { isRequired } = this.#options;
    const start = performance.now();
    const about = { audit_id: crypto.randomUUID(), who, what, id, target };
    const trouble = await this.#write({ event: "begin", ...about });
    if (trouble !== undefined && isRequired) {
      throw permissionDenied(`${trouble}, and audit is "required": nothing was done`);
    }
    if (trouble !== undefined) this.#missing += 1;
    let hasEnded = false;
    return {
      end: async ({ code, reason }) => {
        if (hasEnded) return;
        hasEnded = true;
        const ms = Math.round(performance.now() - start);
        const outcome = code === undefined ? "ok" : "error";
        const trouble = await this.#write({ event: "end", ...about, outcome, code, reason, ms });
        if (trouble === undefined) return;
        this.#missing += 1;
        if (!isRequired) return;
        throw commandFailed(`${trouble}, and audit is "required": ${what} was begun all the same`);
      },
      failedAfterAnswer: async (error) => {
        const reason = messageOf(error);
        const fields = { event: "failed_after_answer", ...about, outcome: "error", reason };
        if (await this.#write(fields) !== undefined) this.#missing += 1;
      },
    };
  }

  /** Writes a line; resolves to why it could not be written, or to nothing. */
  async #write(fields: Readonly<Record<string, unknown>>): Promise<string | undefined> {
    const { log, isRequired } = this.#options;
    const missing = this.#missing;
    this.#missing = 0;
    try {
      // What is missing is told before anything else is.
      if (missing > 0) await this.#append({ event: "missing", lines: missing });
      await this.#append(fields);
    } catch (error) {
      this.#missing += missing;
      const reason = messageOf(error);
      if (!this.#isInTrouble) {
        this.#isInTrouble = true;
        log.error("the audit file cannot be written", {
          error: reason,
          consequence: isRequired ? "what it would tell of is refused" : "it will have gaps",
        });
      }
      return `the audit file cannot be written (${reason})`;
    }
    if (this.#isInTrouble) {
      this.#isInTrouble = false;
      log.warn("the audit file is written again", { missing_lines: missing });
    }
    return undefined;
  }

  async #append(fields: Readonly<Record<string, unknown>>): Promise<void> {
    const { lines, waitMs = WAIT_MS } = this.#options;
    if (lines === undefined) return;
    if (lines.waiting >= MAX_WAITING) throw new Error(`${MAX_WAITING} lines wait for the disk`);
    const line = JSON.stringify({ time: new Date().toISOString(), ...fields }, bounded);
    let isWritten = false;
    await withTimer(waitMs, lines.append(line).then(() => isWritten = true));
    if (!isWritten) throw new Error(`not on the disk within ${waitMs} ms`);
  }
}

/** For JSON.stringify(): a line does not grow with what a host sends. */
const bounded = (_name: string, value: unknown): unknown =>
  typeof value === "string" && value.length > MAX_FIELD_CHARACTERS
    ? `${value.slice(0, MAX_FIELD_CHARACTERS)}…`
    : value;
