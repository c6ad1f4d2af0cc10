/**
 * The log lines of commands: name, status and milliseconds, never their other members.
 *
 * Any program that may connect can send commands as fast as the agent answers them, so lines are
 * limited in number and length, whatever the outcome.
 *
 * @module
 */

import { RateLimit } from "../core/rate_limit.ts";
import { withoutValue } from "../core/request_log.ts";
import type { Log } from "../log/logger.ts";
import { type CommandAnswer, STATUS } from "./answer.ts";

/**
 * Lines per second for commands that succeeded; counted separately, so that failures cannot crowd
 * them out …
 */
const MAX_DONE_PER_SECOND = 10;
/** … and for those that were refused or failed. */
const MAX_FAILED_PER_SECOND = 10;
const MAX_SHOWN_CHARACTERS = 100;
const MAX_REASON_CHARACTERS = 500;

/** Writes the lines of commands. */
export class CommandLog {
  readonly #log: Log;
  readonly #done = new RateLimit(MAX_DONE_PER_SECOND);
  readonly #failed = new RateLimit(MAX_FAILED_PER_SECOND);
  #unlogged = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Logs a command whose client has been answered. */
  answered(name: string | undefined, answer: CommandAnswer, start: number): void {
    const { Status: status, StatusMessage: message } = answer;
    if (!this.#mayLog(status === STATUS.ok ? this.#done : this.#failed)) return;
    this.#log.info("command", {
      name: name?.slice(0, MAX_SHOWN_CHARACTERS),
      status,
      // The reason for any other refusal may quote the request.
      ...(status === STATUS.handlerFailed
        ? { reason: withoutValue(message.slice(0, MAX_REASON_CHARACTERS)) }
        : {}),
      ms: Math.round((performance.now() - start) * 1000) / 1000,
    });
  }

  /** Logs a bug in the agent, with its stack. */
  fault(message: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#mayLog(this.#failed)) this.#log.error(message, fields);
  }

  #mayLog(rate: RateLimit): boolean {
    if (rate.take() > 0) {
      this.#unlogged += 1;
      return false;
    }
    if (this.#unlogged > 0) {
      this.#log.warn("too many commands; some were not logged", {
        count: this.#unlogged,
      });
      this.#unlogged = 0;
    }
    return true;
  }
}
