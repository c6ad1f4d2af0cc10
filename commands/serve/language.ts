/**
 * The language that is spoken on the channel, and the methods that it has.
 *
 * @module
 */

import { METHODS } from "../../handlers/mod.ts";
import { qgaCommands } from "../../handlers/qga/mod.ts";
import type { Dialect } from "../../lib/channel/dialect.ts";
import type { Executor } from "../../lib/core/executor.ts";
import type { Method } from "../../lib/core/method.ts";
import { JsonRpcDialect } from "../../lib/dialects/jsonrpc/dialect.ts";
import { QgaDialect } from "../../lib/dialects/qga/dialect.ts";
import type { DialectChoice } from "../usage.ts";

/** A language and its methods. */
export interface Language {
  readonly methods: readonly Method[];
  /** @param ready The parameters of a greeting, if the language has one; read at each greeting. */
  dialect(
    executor: Executor,
    ready: () => Readonly<Record<string, unknown>> | undefined,
  ): Dialect;
  /** Ends what the methods have left running. */
  stop(): Promise<void>;
}

/** The language of the agent's own hosts, or that of QEMU's guest agent. */
export function languageOf(choice: DialectChoice): Language {
  if (choice === "qga") {
    const { methods, stop } = qgaCommands();
    return { methods, stop, dialect: (executor) => new QgaDialect(executor) };
  }
  return {
    methods: METHODS,
    stop: () => Promise.resolve(),
    dialect: (executor, ready) => new JsonRpcDialect({ executor, ready }),
  };
}
