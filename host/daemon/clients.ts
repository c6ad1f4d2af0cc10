/**
 * The daemon's clients: a bounded number of sessions over what they share.
 *
 * @module
 */

import { tooManyRequests } from "../../lib/base/errors.ts";
import type { Host } from "./host.ts";
import { MemoryBudget } from "./memory_budget.ts";
import { type ClientConnection, Session, type SessionContext } from "./session.ts";
import { VmCalls } from "./vm_calls.ts";

const MAX_CLIENTS = 1024;
/** What all clients together make the daemon keep; four of the largest messages per direction. */
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;

/** All clients. */
export class Clients {
  /** Their calls, and those of a fleet's clients. */
  readonly calls: VmCalls<object> = new VmCalls();
  readonly #context: SessionContext;
  readonly #sessions = new Set<Session>();

  /** @param onProblem Called with what a client cannot be told. */
  constructor(host: Host, onProblem: (problem: string) => void) {
    const { calls } = this;
    const sessions = this.#sessions;
    this.#context = {
      host,
      calls,
      memory: new MemoryBudget(MAX_MEMORY_BYTES),
      onProblem,
      get clients() {
        return sessions.size;
      },
      get callsInFlight() {
        return calls.inFlight;
      },
    };
  }

  /** The number of clients. */
  get count(): number {
    return this.#sessions.size;
  }

  /** Serves a client. */
  serve(connection: ClientConnection, isReadOnly: boolean): void {
    if (this.#sessions.size >= MAX_CLIENTS) return void refuse(connection);
    const session = new Session(connection, this.#context, isReadOnly);
    this.#sessions.add(session);
    void session.serve().finally(() => this.#sessions.delete(session));
  }

  /** Waits until what is under way is answered and written, at most this long; disconnects all. */
  async finish(milliseconds: number): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.finish(milliseconds)));
  }
}

async function refuse(connection: ClientConnection): Promise<void> {
  const error = tooManyRequests(`${MAX_CLIENTS} clients are connected`).toWire();
  const line = `${JSON.stringify({ jsonrpc: "2.0", error, id: null })}\n`;
  try {
    await connection.write(new TextEncoder().encode(line));
  } catch {
    // It has gone.
  }
  connection.close();
}
