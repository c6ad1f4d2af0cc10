/**
 * The connection to a broker that keeps file systems frozen.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type { FreezeEnding } from "../../../privileged/filesystems.ts";
import type { LineReader } from "../../../privileged/line_reader.ts";
import { errorFrom, lineOf, parseAnswer } from "../../../privileged/messages.ts";
import { writeAll } from "../../../base/write_all.ts";
import type { BrokerLink } from "./broker_link.ts";

interface Question {
  readonly operation: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A broker that answers until everything is thawed. */
export class HeldBroker {
  readonly #link: BrokerLink;
  readonly #lines: LineReader;
  /** Those without an answer, in the order of asking. */
  readonly #questions: Question[] = [];
  /** What ended the freeze, as far as the broker told. */
  #ending: FreezeEnding | undefined;
  #isOver = false;
  /** Resolves to what ended the freeze; `undefined` if the broker ended without telling. */
  readonly ended: Promise<FreezeEnding | undefined>;

  constructor(link: BrokerLink, lines: LineReader) {
    this.#link = link;
    this.#lines = lines;
    this.ended = this.#listen();
  }

  /**
   * Asks something.
   *
   * @throws {RpcError} as the operation does, and -32000 if the broker ends instead of answering.
   */
  async ask(operation: string, params: unknown): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const question = { operation, resolve, reject };
    if (this.#isOver) this.#conclude(question);
    else {
      this.#questions.push(question);
      // If this fails, so does listening, which concludes the question.
      const bytes = lineOf({ operation, params, sent_at_ms: Date.now() });
      await writeAll(this.#link, bytes).catch(() => {});
    }
    return await promise;
  }

  async #listen(): Promise<FreezeEnding | undefined> {
    try {
      for (let line = await this.#next(); line !== undefined; line = await this.#next()) {
        const answer = parseAnswer(line);
        if (answer === undefined) break;
        if ("thawed" in answer) {
          this.#ending = answer.thawed;
          continue;
        }
        const question = this.#questions.shift();
        if ("error" in answer) question?.reject(errorFrom(answer.error));
        else if ("result" in answer) {
          question?.resolve(answer.result);
          if (question?.operation === "fs_thaw") this.#ending ??= "request";
        }
      }
    } finally {
      this.#isOver = true;
      for (const question of this.#questions.splice(0)) this.#conclude(question);
    }
    return this.#ending;
  }

  /** Answers a question that the broker has not answered and never will. */
  #conclude({ operation, resolve, reject }: Question): void {
    // It has thawed by itself just when it was asked.
    if (this.#ending !== undefined) return resolve(answerAfter(operation, this.#ending));
    reject(commandFailed(`the broker ended without an answer to ${operation}; see its log`));
  }

  /** The next line; `undefined` if there is none, or none that can be read. */
  async #next(): Promise<string | undefined> {
    try {
      return await this.#lines.next();
    } catch {
      return undefined;
    }
  }
}

/** What a broker would answer that has thawed everything. */
const answerAfter = (operation: string, ending: FreezeEnding) =>
  operation === "fs_thaw" ? { thawed: [], problems: [], ended_by: ending } : { frozen: [] };
