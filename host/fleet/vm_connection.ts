/**
 * A VM of a fleet as a connection that an agent's client can use: every line that is written is a
 * call over NATS, and its answer is the line that is read.
 *
 * @module
 */

import { messageOf } from "../../lib/base/message_of.ts";
import { LineSplitter } from "../../lib/dialects/jsonrpc/line_splitter.ts";
import { isMalformed, parseLine, readRequest } from "../../lib/dialects/jsonrpc/messages.ts";
import type { AgentConnection } from "../client.ts";
import { AnswerError, CallError, HOST_ERRORS } from "../errors.ts";
import type { FleetClient, FleetVm } from "./client.ts";

/** Beyond the time that the call itself takes in the guest. */
const GRACE_SECONDS = 60;
const MAX_SECONDS = 24 * 3600;
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** A connection to a VM's agent. */
export class VmConnection implements AgentConnection {
  readonly #fleet: Pick<FleetClient, "call">;
  readonly #vm: FleetVm;
  readonly #inFlight = new Map<string, AbortController>();
  readonly #splitter: LineSplitter;
  readonly #answers: Uint8Array[] = [];
  #arrived = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(fleet: Pick<FleetClient, "call">, vm: FleetVm) {
    this.#fleet = fleet;
    this.#vm = vm;
    this.#splitter = new LineSplitter(MAX_LINE_BYTES, {
      onLine: (line) => void this.#onLine(line),
      // A client's own calls are neither.
      onTooLong: () => {},
      onNotUtf8: () => {},
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#answers.length === 0 && !this.#isClosed) await this.#arrived.promise;
    const [first] = this.#answers;
    if (first === undefined || this.#isClosed) return null;
    const part = first.subarray(0, buffer.byteLength);
    buffer.set(part);
    if (part.byteLength === first.byteLength) this.#answers.shift();
    else this.#answers[0] = first.subarray(part.byteLength);
    return part.byteLength;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#splitter.push(bytes);
    return Promise.resolve(bytes.byteLength);
  }

  close(): void {
    this.#isClosed = true;
    this.#arrived.resolve();
    // As with a channel: what has begun goes on in the guest, and its answer is read by nobody.
    this.#inFlight.clear();
  }

  async #onLine(line: string): Promise<void> {
    const request = readRequest(withoutVm(parseLine(line)));
    if (isMalformed(request)) return;
    const { method, params, id } = request;
    if (method === "rpc.cancel") return this.#cancel(params);
    const controller = new AbortController();
    const key = JSON.stringify(id);
    this.#inFlight.set(key, controller);
    try {
      const result = await this.#fleet.call(this.#vm, method, params, {
        timeoutMs: 1000 * Math.min(MAX_SECONDS, secondsOf(params) + GRACE_SECONDS),
        signal: controller.signal,
      });
      this.#answer({ jsonrpc: "2.0", result: result ?? null, id });
    } catch (error) {
      this.#answer({ jsonrpc: "2.0", error: wireError(error), id });
    } finally {
      this.#inFlight.delete(key);
    }
  }

  #cancel(params: unknown): void {
    const id = typeof params === "object" && params !== null && "id" in params ? params.id : "";
    const reason = "cancelled by this program";
    this.#inFlight.get(JSON.stringify(id))?.abort(new CallError(reason, "closed", true));
  }

  #answer(message: unknown): void {
    if (this.#isClosed) return;
    this.#answers.push(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}

/** The protocol's message: the VM is known. */
function withoutVm(message: unknown): unknown {
  if (typeof message !== "object" || message === null || !("vm" in message)) return message;
  const { vm: _vm, ...rest } = message;
  return rest;
}

/** How long a call takes in the guest at most. */
function secondsOf(params: unknown): number {
  if (typeof params !== "object" || params === null) return 0;
  const { timeout_seconds: timeout, wait_seconds: wait }: Record<string, unknown> = { ...params };
  const numbers = [timeout, wait].map((value) =>
    typeof value === "number" && value > 0 ? value : 0
  );
  return Math.max(...numbers);
}

/** An error as the daemon would tell it. */
function wireError(error: unknown): unknown {
  if (error instanceof AnswerError) return error;
  const { noAgent, outcomeUnknown } = HOST_ERRORS;
  const wasSent = !(error instanceof CallError) || error.wasSent;
  return {
    ...wasSent ? outcomeUnknown : noAgent,
    data: {
      reason: messageOf(error),
      was_sent: wasSent,
      ...error instanceof CallError && { cause: error.reason },
    },
  };
}
