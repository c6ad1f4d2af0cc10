/**
 * The requests that have been taken and not answered yet, by their ids.
 *
 * @module
 */

import { commandFailed, invalidRequest } from "../base/errors.ts";
import type { Id } from "../dialects/jsonrpc/messages.ts";

/** Ids as keys: a string never equals a number. */
const keyOf = (id: Id): string =>
  typeof id === "string" ? `"${id}` : typeof id === "object" ? id?.rawJSON ?? "null" : String(id);

/** Keeps the abort controllers of running requests and tells when all are done. */
export class RequestsInFlight {
  readonly #byId = new Map<string, AbortController>();
  readonly #all = new Set<AbortController>();
  #onEmpty: (() => void)[] = [];

  /** How many there are. */
  get count(): number {
    return this.#all.size;
  }

  /**
   * Takes a request in.
   *
   * @param id `undefined` for a notification; those and `null` ids cannot be told apart later.
   * @throws {RpcError} -32600 when a request with that id is in flight: its answer could not be
   * told from this one's.
   */
  add(id: Id | undefined): AbortController {
    const key = id === undefined || id === null ? undefined : keyOf(id);
    if (key !== undefined && this.#byId.has(key)) {
      throw invalidRequest(`id ${JSON.stringify(id)} belongs to a request that is still in flight`);
    }
    const controller = new AbortController();
    if (key !== undefined) this.#byId.set(key, controller);
    this.#all.add(controller);
    return controller;
  }

  /** The request has been answered: its id may be used again. */
  release(id: Id | undefined, controller: AbortController): void {
    if (id === undefined || id === null) return;
    const key = keyOf(id);
    if (this.#byId.get(key) === controller) this.#byId.delete(key);
  }

  /** Nothing of the request is left. */
  remove(id: Id | undefined, controller: AbortController): void {
    this.release(id, controller);
    this.#all.delete(controller);
    if (this.#all.size > 0) return;
    const waiting = this.#onEmpty;
    this.#onEmpty = [];
    for (const resolve of waiting) resolve();
  }

  /** Cancels the request with this id; says whether there was one. */
  cancel(id: Id): boolean {
    const controller = this.#byId.get(keyOf(id)) ?? this.#findInexact(id);
    controller?.abort(commandFailed("cancelled by the host"));
    return controller !== undefined;
  }

  /** The request with an id of 64 bits, which as a parameter has lost its last digits. */
  #findInexact(id: Id): AbortController | undefined {
    if (typeof id !== "number" || Number.isSafeInteger(id)) return undefined;
    const same = [...this.#byId].filter(([key]) => !key.startsWith('"') && Number(key) === id);
    return same.length === 1 ? same[0]?.[1] : undefined;
  }

  /** Cancels all. */
  cancelAll(reason: string): void {
    for (const controller of this.#all) controller.abort(commandFailed(reason));
  }

  /** Resolves when there is none. */
  async empty(): Promise<void> {
    if (this.#all.size === 0) return;
    await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }
}
