/**
 * JSON-RPC 2.0, one message per line: the agent's own language.
 *
 * @module
 */

import type { Conversation, Dialect, ReplyLink } from "../../channel/dialect.ts";
import type { Executor } from "../../core/executor.ts";
import { JsonRpcConversation } from "./conversation.ts";

/** What the dialect needs to know. */
export interface JsonRpcOptions {
  readonly executor: Executor;
  /** The parameters of `agent_ready`, or `undefined` if it is not to be sent; read at each greeting. */
  readonly ready: () => Readonly<Record<string, unknown>> | undefined;
}

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
