/**
 * What one client has asked for: the requests that are in flight, their ids, and their ends.
 *
 * @module
 */

import {
  internalError,
  invalidRequest,
  permissionDenied,
  RpcError,
} from "../../lib/base/errors.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import type { CallId } from "../../lib/core/call_id.ts";
import {
  isId,
  isMalformed,
  readRequest,
  type Request,
} from "../../lib/dialects/jsonrpc/messages.ts";
import { AnswerError } from "../errors.ts";
import { groupOf } from "../protocol.ts";
import { missingVm, withoutVm } from "./addressed.ts";
import { HostError } from "./errors.ts";
import type { Host } from "./host.ts";
import { type Daemon, OWN_METHODS } from "./own_methods.ts";
import type { VmCalls } from "./vm_calls.ts";

/** What clients' requests are carried out with. */
export interface RequestServices extends Daemon {
  readonly host: Host;
  readonly calls: VmCalls<object>;
  /** Called with what a client cannot be told. */
  readonly onProblem: (problem: string) => void;
}

/** What requests need of the client that sent them. */
export interface Requester {
  /** Whether it may only call what changes nothing. */
  readonly isReadOnly: boolean;
  /** Called with the bytes of memory that requests take, and as a negative number give back. */
  readonly onMemory: (bytes: number) => void;
  /** What to wait for before more is done for it; `undefined` while it reads its answers. */
  readonly congestion: () => Promise<void> | undefined;
}

/** What a request in flight takes besides its text. */
const REQUEST_BYTES = 1000;

/** Groups of methods that only look. */
const READ_ONLY_GROUPS: readonly (string | undefined)[] = ["see", "always"];

interface InFlight {
  readonly controller: AbortController;
  wasSent: boolean;
}

/** The result as JSON: an agent's is passed on as it came. */
type Reply = { readonly resultText: string } | { readonly error: unknown };

/** The requests of one client. */
export class Requests {
  readonly #services: RequestServices;
  readonly #requester: Requester;
  readonly #byId = new Map<string, InFlight>();
  readonly #inFlight = new Set<InFlight>();

  constructor(services: RequestServices, requester: Requester) {
    this.#services = services;
    this.#requester = requester;
  }

  /**
   * Answers one message. Never rejects.
   *
   * @param message As parsed.
   * @param characters The length of its text, for the memory that it takes.
   * @returns The answer's text; `undefined` for a notification.
   */
  async answer(message: unknown, characters: number): Promise<string | undefined> {
    const { vm, rest, problem } = withoutVm(message);
    const request = readRequest(rest);
    if (isMalformed(request)) {
      return replyText(request.id, { error: request.error.toWire() });
    }
    const { id } = request;
    const reply = problem === undefined
      ? await this.#replyTo(request, vm, characters)
      : { error: refusal(problem) };
    return id === undefined ? undefined : replyText(id, reply);
  }

  /** Cancels all of them: the client has left. */
  abandon(): void {
    for (const { controller } of this.#inFlight) {
      controller.abort(new HostError("cancelled", { reason: "the client left", was_sent: true }));
    }
  }

  async #replyTo(request: Request, vm: string | undefined, characters: number): Promise<Reply> {
    const { method, params, id } = request;
    if (method === "rpc.cancel") return this.#cancel(params);
    const key = id === undefined || id === null ? undefined : JSON.stringify(id);
    if (key !== undefined && this.#byId.has(key)) {
      return { error: refusal(`id ${key} is used by a request that is still in flight`) };
    }
    const inFlight: InFlight = { controller: new AbortController(), wasSent: false };
    if (key !== undefined) this.#byId.set(key, inFlight);
    this.#inFlight.add(inFlight);
    const bytes = REQUEST_BYTES + 2 * characters;
    this.#requester.onMemory(bytes);
    try {
      return { resultText: await this.#run(request, vm, inFlight) };
    } catch (error) {
      return { error: this.#explain(error, inFlight) };
    } finally {
      this.#requester.onMemory(-bytes);
      this.#inFlight.delete(inFlight);
      if (key !== undefined) this.#byId.delete(key);
    }
  }

  async #run(
    { method, params }: Request,
    vm: string | undefined,
    inFlight: InFlight,
  ): Promise<string> {
    const { signal } = inFlight.controller;
    const own = OWN_METHODS.get(method);
    if (own !== undefined) return JSON.stringify(await own(this.#services, params, signal) ?? null);
    if (this.#requester.isReadOnly && !READ_ONLY_GROUPS.includes(groupOf(method))) {
      throw permissionDenied(`this socket only lets you look; ${method} changes something`, {
        method,
      });
    }
    if (vm === undefined) throw missingVm(method);
    return await this.#services.calls.run(this.#requester, {
      vm: this.#services.host.find(vm),
      method,
      params,
      signal,
      onSent: () => inFlight.wasSent = true,
      congestion: this.#requester.congestion,
    });
  }

  #cancel(params: unknown): Reply {
    const id = typeof params === "object" && params !== null && "id" in params
      ? params.id
      : undefined;
    if (!isId(id) || id === null) {
      return { error: refusal('rpc.cancel needs the id of a request: {"id": …}') };
    }
    const inFlight = this.#byId.get(JSON.stringify(id));
    inFlight?.controller.abort(
      new HostError("cancelled", {
        reason: "cancelled by the client",
        was_sent: inFlight.wasSent,
      }),
    );
    return { resultText: JSON.stringify({ cancelled: inFlight !== undefined }) };
  }

  #explain(error: unknown, { controller: { signal } }: InFlight): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof RpcError) return error.toWire();
    if (error instanceof AnswerError || error instanceof HostError) return error;
    this.#services.onProblem(`a bug: ${messageOf(error)}`);
    return internalError("internal error; see the daemon's log").toWire();
  }
}

/** An error that says that a message is not one. */
export const refusal = (reason: string) => invalidRequest(reason).toWire();

/** The text of an answer. */
export function replyText(id: CallId, reply: Reply): string {
  const outcome = "resultText" in reply
    ? `"result":${reply.resultText}`
    : `"error":${JSON.stringify(reply.error)}`;
  return `{"jsonrpc":"2.0",${outcome},"id":${JSON.stringify(id)}}`;
}
