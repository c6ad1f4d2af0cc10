/**
 * The agent's side of the broker: a connection for each operation, and one that stays while file
 * systems are frozen.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { sleep } from "../../../base/timer.ts";
import { Aborted } from "../../../base/waiting.ts";
import type { StartedCommand } from "../../../guest/commands.ts";
import type { BackgroundLimits, Privileged } from "../../../guest/privileged.ts";
import type { FreezeEnding } from "../../../privileged/filesystems.ts";
import { LineReader } from "../../../privileged/line_reader.ts";
import { MAX_MESSAGE_BYTES } from "../../../privileged/messages.ts";
import { ask } from "./ask.ts";
import type { OpenBroker } from "./broker_link.ts";
import { HeldBroker } from "./held_broker.ts";
import { startOperation } from "./started_operation.ts";

/** How often a broker that was killed is replaced by one that thaws, and how long between tries. */
const RESCUE_TRIES = 20;
const RESCUE_MS = 3000;

/** Has operations performed by brokers. */
export class BrokerClient implements Privileged {
  readonly unavailable = undefined;
  readonly #open: OpenBroker;
  readonly #listeners: ((isFrozen: boolean) => void)[] = [];
  #isFrozen = false;
  #held: HeldBroker | undefined;
  /** Resolves once the held broker has ended. */
  #letGo: Promise<void> = Promise.resolve();
  /** What ended the last freeze, until the host has been told. */
  #lastEnding: FreezeEnding | undefined;

  constructor(open: OpenBroker) {
    this.#open = open;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  onFreeze(listener: (isFrozen: boolean) => void): void {
    this.#listeners.push(listener);
  }

  async perform(operation: string, params: unknown, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const aborted = new Aborted(signal);
    using _aborted = aborted;
    const cancelled = aborted.happened.then(() => Promise.reject(signal.reason));
    // Whoever wins the race, the other's failure is of no interest.
    cancelled.catch(() => {});
    if (operation === "fs_freeze") return await this.#freeze(params, cancelled);
    const held = this.#held;
    const isAboutFreeze = operation === "fs_thaw" || operation === "fs_freeze_status";
    const result = held !== undefined && isAboutFreeze
      ? await Promise.race([cancelled, held.ask(operation, params)])
      : await this.#askOnce(operation, params, cancelled);
    if (operation !== "fs_thaw") return result;
    await Promise.race([cancelled, this.#letGo]);
    this.#setFrozen(false);
    const ending = this.#lastEnding;
    this.#lastEnding = undefined;
    return typeof result === "object" && result !== null && "ended_by" in result &&
        result.ended_by === null
      ? { ...result, ended_by: ending ?? null }
      : result;
  }

  async start(
    operation: string,
    params: unknown,
    limits: BackgroundLimits,
  ): Promise<StartedCommand> {
    if (this.#isFrozen) throw commandFailed("file systems are frozen; thaw first");
    const link = await this.#open();
    try {
      return await startOperation(link, operation, params, limits);
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  async #askOnce(
    operation: string,
    params: unknown,
    cancelled: Promise<never>,
  ): Promise<unknown> {
    const link = await this.#open();
    try {
      const lines = new LineReader(link, MAX_MESSAGE_BYTES);
      return await Promise.race([cancelled, ask(link, lines, operation, params)]);
    } finally {
      await link.close();
    }
  }

  async #freeze(params: unknown, cancelled: Promise<never>): Promise<unknown> {
    if (this.#isFrozen) throw commandFailed("file systems are already frozen; thaw first");
    const link = await this.#open();
    const lines = new LineReader(link, MAX_MESSAGE_BYTES);
    this.#setFrozen(true);
    let result: unknown;
    try {
      result = await Promise.race([cancelled, ask(link, lines, "fs_freeze", params)]);
    } catch (error) {
      await link.close();
      this.#setFrozen(false);
      throw error;
    }
    this.#lastEnding = undefined;
    const held = new HeldBroker(link, lines);
    this.#held = held;
    this.#letGo = held.ended.then(async (ending) => {
      this.#held = undefined;
      await link.close();
      this.#lastEnding = ending;
      if (ending === undefined) await this.#rescue();
      this.#setFrozen(false);
    });
    return result;
  }

  /** The broker was killed: another one thaws what it has left frozen. */
  async #rescue(): Promise<void> {
    const never = new Promise<never>(() => {});
    for (let tries = 0; tries < RESCUE_TRIES && this.#isFrozen; tries++) {
      try {
        await this.#askOnce("fs_thaw", {}, never);
        this.#lastEnding = "stopped";
        return;
      } catch {
        await sleep(RESCUE_MS);
      }
    }
  }

  #setFrozen(isFrozen: boolean): void {
    if (this.#isFrozen === isFrozen) return;
    this.#isFrozen = isFrozen;
    for (const listener of this.#listeners) listener(isFrozen);
  }
}
