/**
 * JSON-RPC 2.0, one message per line: the agent's native protocol.
 *
 * @module
 */

import type { Conversation, Dialect, ReplyLink } from "../../channel/dialect.ts";
import { JsonRpcConversation, type JsonRpcOptions } from "./conversation.ts";

/** Speaks JSON-RPC with the hosts of a channel. */
export class JsonRpcDialect implements Dialect {
  readonly #options: JsonRpcOptions;

  constructor(options: JsonRpcOptions) {
    this.#options = options;
  }

  converse(link: ReplyLink): Conversation {
    return new JsonRpcConversation(link, this.#options);
  }
}
