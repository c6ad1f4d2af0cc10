/**
 * What happens to the VMs of a host and what their agents report, for clients that read from a
 * cursor: bounded, in memory, lost with the daemon, which cursors tell.
 *
 * @module
 */

import { invalidParams } from "../../lib/base/errors.ts";
import type { PoolEvent } from "../member.ts";
import type { HostVm } from "./vm.ts";

/** An event as clients get it. */
export interface JournalEvent {
  readonly seq: number;
  /** ISO 8601. */
  readonly time: string;
  /** The VM's id; see `vm_list`. */
  readonly vm: string;
  readonly name: string;
  readonly event: "connected" | "ready" | "unavailable" | "gone" | "notification" | "dropped";
  /** Why the agent is unavailable. */
  readonly reason?: string;
  /** Of a notification. */
  readonly method?: string;
  readonly params?: unknown;
  /** How many notifications of this VM were dropped before this event: it sent too many. */
  readonly count?: number;
}

/** What a client asks for. */
export interface JournalRead {
  /** Where to go on; without it, from the oldest event. */
  readonly cursor?: string;
  /** How long to wait for an event. */
  readonly waitSeconds: number;
  readonly maxEvents: number;
  /** Only the events of this VM. */
  readonly vm?: string;
}

/** The answer. */
export interface JournalPage {
  readonly events: readonly JournalEvent[];
  readonly cursor: string;
  /** What is missing before the events. */
  readonly gap?: { readonly reason: string; readonly lost?: number };
}

interface Kept {
  readonly event: JournalEvent;
  readonly characters: number;
}

/** The notifications that a VM has left. */
interface Allowance {
  left: number;
  at: number;
  dropped: number;
}

const MAX_EVENTS = 10_000;
const MAX_CHARACTERS = 16 * 1024 * 1024;
const NOTIFICATIONS_PER_SECOND = 20;
const BURST = 100;
const CURSOR_REGEXP = /^h1\.([0-9a-f-]{36})\.(\d{1,15})$/;

/** The events of all VMs, numbered within the life of the daemon. */
export class Journal {
  /** Changes with each start of the daemon. */
  readonly epoch: string = crypto.randomUUID();
  readonly #allowances = new WeakMap<PoolEvent["agent"], Allowance>();
  #kept: Kept[] = [];
  #begin = 0;
  #characters = 0;
  #changed = Promise.withResolvers<void>();

  /** A cursor after the last event. */
  get cursor(): string {
    return this.#cursorAt(this.#end);
  }

  /** Keeps an event of the pool. A VM that sends too many loses its own notifications only. */
  add({ id, name, agent }: HostVm, event: PoolEvent): void {
    const common = { vm: id, name };
    if (event.kind !== "event") {
      const reason = event.kind === "unavailable" ? { reason: event.reason } : {};
      return this.#append({ ...common, event: event.kind, ...reason });
    }
    const allowance = this.#allowanceOf(agent);
    if (allowance.left < 1) {
      allowance.dropped += 1;
      return;
    }
    allowance.left -= 1;
    if (allowance.dropped > 0) {
      this.#append({ ...common, event: "dropped", count: allowance.dropped });
      allowance.dropped = 0;
    }
    const { method, params } = event.notification;
    this.#append({ ...common, event: "notification", method, params });
  }

  /**
   * The events after a cursor; waits for one if there is none.
   *
   * @throws {RpcError} -32602 for a cursor that is not one of a journal.
   * @throws The signal's reason, if it is aborted.
   */
  async read(
    { cursor, waitSeconds, maxEvents, vm }: JournalRead,
    signal: AbortSignal,
  ): Promise<JournalPage> {
    const { seq, gap } = this.#start(cursor);
    const fits = ({ event }: Kept) => vm === undefined || event.vm === vm;
    let from = seq;
    let isOver = waitSeconds === 0;
    const ended = Promise.withResolvers<void>();
    const end = () => {
      isOver = true;
      ended.resolve();
    };
    const timer = setTimeout(end, waitSeconds * 1000);
    signal.addEventListener("abort", end, { once: true });
    try {
      for (;;) {
        const found = this.#kept.slice(Math.max(0, from - this.#begin)).filter(fits)
          .slice(0, maxEvents).map(({ event }) => event);
        const last = found.at(-1);
        const isFull = found.length === maxEvents && last !== undefined;
        const next = this.#cursorAt(isFull ? last.seq + 1 : this.#end);
        if (found.length > 0 || gap !== undefined || isOver) {
          return { events: found, cursor: next, ...gap && { gap } };
        }
        from = this.#end;
        await Promise.race([this.#changed.promise, ended.promise]);
        signal.throwIfAborted();
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
    }
  }

  get #end(): number {
    return this.#begin + this.#kept.length;
  }

  #cursorAt(seq: number): string {
    return `h1.${this.epoch}.${seq}`;
  }

  #start(cursor: string | undefined): { seq: number; gap?: JournalPage["gap"] } {
    if (cursor === undefined) return { seq: this.#begin };
    const [, epoch, number] = CURSOR_REGEXP.exec(cursor) ?? [];
    if (epoch === undefined || Number(number) > this.#end && epoch === this.epoch) {
      throw invalidParams("cursor is not one of vm_watch or vm_list; pass it unchanged, or none");
    }
    if (epoch !== this.epoch) {
      return { seq: this.#begin, gap: { reason: "the daemon was restarted" } };
    }
    const seq = Number(number);
    const lost = this.#begin - seq;
    return lost > 0
      ? { seq: this.#begin, gap: { reason: "older events were dropped", lost } }
      : { seq };
  }

  #append(event: Omit<JournalEvent, "seq" | "time">): void {
    const full = { seq: this.#end, time: new Date().toISOString(), ...event };
    const { length } = JSON.stringify(full);
    this.#kept.push({ event: full, characters: length });
    this.#characters += length;
    this.#trim();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Drops the oldest events, some at a time: each removal moves the rest. */
  #trim(): void {
    if (this.#kept.length <= MAX_EVENTS && this.#characters <= MAX_CHARACTERS) return;
    let count = 0;
    while (
      this.#kept.length - count > 0.9 * MAX_EVENTS || this.#characters > 0.9 * MAX_CHARACTERS
    ) {
      this.#characters -= this.#kept[count]?.characters ?? 0;
      count += 1;
    }
    this.#kept = this.#kept.slice(count);
    this.#begin += count;
  }

  #allowanceOf(agent: PoolEvent["agent"]): Allowance {
    const now = performance.now();
    const known = this.#allowances.get(agent) ?? { left: BURST, at: now, dropped: 0 };
    const earned = (now - known.at) / 1000 * NOTIFICATIONS_PER_SECOND;
    known.left = Math.min(BURST, known.left + earned);
    known.at = now;
    this.#allowances.set(agent, known);
    return known;
  }
}
