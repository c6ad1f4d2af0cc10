/**
 * The audit file: what was done to the guest, by whom, and with what outcome.
 *
 * Each operation has two lines. `begin` is flushed to disk before anything is done, `end` before
 * the answer is sent; both name the caller, the operation and its target, so each line is complete
 * without the other. A `begin` without an `end` means that the agent died before recording the
 * outcome. File contents, output and arguments are never recorded.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { commandFailed, permissionDenied } from "../base/errors.ts";
import { jsonLine } from "../base/json_line.ts";
import { messageOf } from "../base/message_of.ts";
import { withTimer } from "../base/waiting.ts";
import { utcTime } from "../base/utc_time.ts";
import { ConfigError } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { type Log, NO_LOG } from "../log/logger.ts";
import { DurableLines, openLines } from "./durable_lines.ts";

/** How long a line may take to reach the disk: a hung disk must not block the agent. */
const WAIT_MS = 5000;
/** The most lines that may wait for the disk. */
const MAX_WAITING = 1000;
/** Longer than any path (PATH_MAX), in characters. */
const MAX_FIELD_CHARACTERS = 5000;

/**
 * Where an operation comes from: the host, a program of the guest through the command monitor, or a
 * signal to the agent.
 */
export type AuditSource = "channel" | "monitor" | "signal";

/** An operation on the guest. */
export interface AuditedOperation {
  readonly who: AuditSource;
  /** The method, the command of the monitor, or the signal. */
  readonly what: string;
  /** The request's id, if there is one. */
  readonly id?: unknown;
  /** The parameters that name what is changed or read; never contents. */
  readonly target: Readonly<Record<string, unknown>>;
}

/** The outcome: an error if it has a code or a reason. */
export interface AuditOutcome {
  /** The error's code. */
  readonly code?: number;
  readonly reason?: unknown;
  /** Details of a success, such as the configuration keys that changed; never contents. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** How an audit is kept. */
export interface AuditOptions {
  /** Where lines are written; `undefined` if no audit is kept. */
  readonly lines: DurableLines | undefined;
  /** Whether operations that cannot be recorded are refused. */
  readonly isRequired: boolean;
  readonly log: Log;
  /** @default {5000} */
  readonly waitMs?: number;
}

/** An operation between its two lines. */
export interface AuditEntry {
  /**
   * Records the outcome. Only the first call has an effect.
   *
   * @throws {RpcError} -32000 if the audit is required and cannot be written: the answer must not
   * look like a success.
   */
  end(outcome: AuditOutcome): Promise<void>;
  /** Records that an action after the answer failed; never throws. */
  failedAfterAnswer(error: unknown): Promise<void>;
}

/** Writes the audit file, if there is one. */
export class Audit {
  readonly #options: AuditOptions;
  /** Lines that are missing from the file although their operations were carried out. */
  #missing = 0;
  #isInTrouble = false;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /**
   * Opens the audit for a configuration. Creates the file.
   *
   * A file that this agent may not create is an error, which says how to create it: without that, an
   * administrator would believe in a record that nobody keeps. A disk that fails is an error only if
   * `audit` is "required", and a warning in the log otherwise.
   *
   * @param source The configuration file, for the error.
   * @throws {ConfigError}
   */
  static async open(
    { audit_file, audit }: Config,
    { source, log }: { readonly source: string; readonly log: Log },
  ): Promise<Audit> {
    if (audit_file === null) return Audit.NONE;
    const isRequired = audit === "required";
    const lines = new DurableLines(() => openLines(audit_file));
    try {
      await lines.open();
    } catch (error) {
      const remedy = auditFileRemedy(audit_file, error, Deno.uid());
      const problem = `audit_file ${audit_file} cannot be written: ${messageOf(error)}`;
      if (isRequired || isForAdministrator(error)) {
        throw new ConfigError(source, [`${problem}; ${remedy}`]);
      }
      log.warn("the audit file cannot be written: operations are carried out without a record", {
        audit_file,
        error: messageOf(error),
        remedy,
      });
    }
    return new Audit({ lines, isRequired, log });
  }

  /** No audit. */
  static readonly NONE = new Audit({ lines: undefined, isRequired: false, log: NO_LOG });

  /** Whether anything is written. */
  get isKept(): boolean {
    return this.#options.lines !== undefined;
  }

  /** Whether lines are kept in memory, because writing could wait for a frozen file system. */
  set isHeld(isHeld: boolean) {
    const { lines } = this.#options;
    if (lines !== undefined) lines.isHeld = isHeld;
  }

  /** Reopens the file for the next line: logrotate may have moved it. */
  async reopen(): Promise<void> {
    await this.#options.lines?.close();
  }

  /**
   * Records that an operation is about to begin.
   *
   * @throws {RpcError} -32001 if the audit is required and cannot be written.
   */
  async begin({ who, what, id, target }: AuditedOperation): Promise<AuditEntry> {
    const { isRequired } = this.#options;
    const start = performance.now();
    const about = { audit_id: crypto.randomUUID(), who, what, id, target };
    const trouble = await this.#write({ event: "begin", ...about });
    if (trouble !== undefined && isRequired) {
      throw permissionDenied(
        `${trouble}, and audit is "required"; the request was not carried out`,
      );
    }
    if (trouble !== undefined) this.#missing += 1;
    let hasEnded = false;
    return {
      end: async ({ code, reason, details }) => {
        if (hasEnded) return;
        hasEnded = true;
        const ms = Math.round(performance.now() - start);
        const outcome = (code ?? reason) === undefined ? "ok" : "error";
        const result = { outcome, code, reason, ...details, ms };
        const trouble = await this.#write({ event: "end", ...about, ...result });
        if (trouble === undefined) return;
        this.#missing += 1;
        if (!isRequired) return;
        throw commandFailed(`${trouble}, and audit is "required"; ${what} was already started`);
      },
      failedAfterAnswer: async (error) => {
        const reason = messageOf(error);
        const fields = { event: "failed_after_answer", ...about, outcome: "error", reason };
        if (await this.#write(fields) !== undefined) this.#missing += 1;
      },
    };
  }

  /** Writes a line; resolves to the reason if it could not be written. */
  async #write(fields: Readonly<Record<string, unknown>>): Promise<string | undefined> {
    const { log, isRequired } = this.#options;
    const missing = this.#missing;
    this.#missing = 0;
    try {
      // First report the gap, then the line that follows it.
      if (missing > 0) await this.#append({ event: "missing", lines: missing });
      await this.#append(fields);
    } catch (error) {
      this.#missing += missing;
      const reason = messageOf(error);
      if (!this.#isInTrouble) {
        this.#isInTrouble = true;
        log.error("the audit file cannot be written", {
          error: reason,
          consequence: isRequired ? "audited operations are refused" : "records will be missing",
        });
      }
      return `the audit file cannot be written (${reason})`;
    }
    if (this.#isInTrouble) {
      this.#isInTrouble = false;
      log.warn("the audit file can be written again", { missing_lines: missing });
    }
    return undefined;
  }

  async #append(fields: Readonly<Record<string, unknown>>): Promise<void> {
    const { lines, waitMs = WAIT_MS } = this.#options;
    if (lines === undefined) return;
    if (lines.waiting >= MAX_WAITING) {
      throw new Error(`${MAX_WAITING} lines already wait for the disk`);
    }
    const line = jsonLine({ time: utcTime(), ...fields }, bounded);
    let isWritten = false;
    await withTimer(waitMs, lines.append(line).then(() => isWritten = true));
    if (!isWritten) throw new Error(`not flushed to disk within ${waitMs} ms`);
  }
}

/** Whether only an administrator can mend it: the next try would fail in the same way. */
const isForAdministrator = (error: unknown) =>
  error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
  error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.IsADirectory ||
  error instanceof Deno.errors.NotADirectory;

/** For {@link jsonLine}: limits the length of a line whatever a host sends. */
const bounded = (_name: string, value: unknown): unknown =>
  typeof value === "string" && value.length > MAX_FIELD_CHARACTERS
    ? `${value.slice(0, MAX_FIELD_CHARACTERS)}…`
    : value;

/**
 * How root makes the audit file writable for the agent.
 *
 * @param uid The agent's user.
 */
export function auditFileRemedy(path: string, error: unknown, uid: number | null): string {
  const directory = dirname(path);
  if (error instanceof Deno.errors.NotCapable) {
    return "restart the agent: it was started for another audit_file";
  }
  // EROFS: to a service with ProtectSystem=strict, all but its own directories are read-only.
  if (error instanceof Error && /\(os error 30\)/.test(error.message)) {
    return `the file system is read-only for the agent; under systemd, run "systemctl edit ` +
      `kvmmanager-agent", add ReadWritePaths=${directory} under [Service], and restart the agent`;
  }
  const create = `install -m 0640 -o ${uid ?? "USER"} /dev/null ${shellWord(path)}`;
  return error instanceof Deno.errors.NotFound
    ? `run as root: mkdir -p ${shellWord(directory)} && ${create}`
    : `run as root: ${create}`;
}

const shellWord = (word: string) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
