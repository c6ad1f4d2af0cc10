/**
 * The QEMU guest agent's language: one request after the other, answered in order.
 *
 * @module
 */

import type { Conversation, Dialect, ReplyLink } from "../../channel/dialect.ts";
import type { Executor } from "../../core/executor.ts";
import { QgaConversation } from "./conversation.ts";
import { StreamParser } from "./parser.ts";
import { Turns } from "./turns.ts";

/** Speaks as qemu-ga does with the hosts of a channel. */
export class QgaDialect implements Dialect {
  readonly #executor: Executor;
  /** Outlives a connection, as in qemu-ga: see the parser. */
  readonly #parser = new StreamParser();
  /** What a host left behind is finished before the next host's. */
  readonly #turns = new Turns();

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  converse(link: ReplyLink): Conversation {
    return new QgaConversation(link, {
      executor: this.#executor,
      parser: this.#parser,
      turns: this.#turns,
    });
  }
}
