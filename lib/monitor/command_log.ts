/**
 * What the log says of commands: name, status, milliseconds, never what came with them.
 *
 * @module
 */

import type { Log } from "../log/logger.ts";
import { RateLimit } from "../core/admission.ts";
import { withoutValue } from "../core/request_log.ts";
import { type CommandAnswer, STATUS } from "./answer.ts";

/** Lines a second for what a flood could cause without having a handler run. */
const MAX_REFUSALS_PER_SECOND = 10;
const MAX_SHOWN_CHARACTERS = 100;
const MAX_REASON_CHARACTERS = 500;

const REFUSALS: readonly number[] = [
  STATUS.noHandler,
  STATUS.badRequest,
  STATUS.connection,
  STATUS.timeout,
];

/** Writes the lines of commands, and few of those of a flood. */
export class CommandLog {
  readonly #log: Log;
  readonly #refusals = new RateLimit(MAX_REFUSALS_PER_SECOND);
  #unlogged = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A client has been answered. */
  answered(name: string | undefined, answer: CommandAnswer, start: number): void {
    const { Status: status, StatusMessage: message } = answer;
    if (REFUSALS.includes(status) && !this.#mayLogRefusal()) return;
    this.#log.info("command", {
      name: name?.slice(0, MAX_SHOWN_CHARACTERS),
      status,
      // What a refusal says may quote the request, and nobody knows what was in it.
      ...(status === STATUS.handlerFailed
        ? { reason: withoutValue(message.slice(0, MAX_REASON_CHARACTERS)) }
        : {}),
      ms: Math.round((performance.now() - start) * 1000) / 1000,
    });
  }

  #mayLogRefusal(): boolean {
    if (this.#refusals.take() > 0) {
      this.#unlogged += 1;
      return false;
    }
    if (this.#unlogged > 0) {
      this.#log.warn("refused commands were not logged one by one", { count: this.#unlogged });
      this.#unlogged = 0;
    }
    return true;
  }
}
