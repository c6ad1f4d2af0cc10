/**
 * The journal of events: numbered within an epoch, bounded, and on disk if the agent keeps state.
 *
 * @module
 */

import { tooManyRequests } from "../base/errors.ts";
import { Timer } from "../base/timer.ts";
import { Aborted } from "../base/waiting.ts";
import type { Spool, StateFolder } from "../guest/state.ts";
import type { EventType } from "../config/events.ts";
import { cursorText, startOfRead } from "./event_cursor.ts";
import type { JournalEvent, NewEvent } from "./event_types.ts";
import { parseEvent, storedBytes, storedType, withoutData } from "./stored_event.ts";

/** The kinds of records: an event, and numbers that were skipped after a crash of the guest. */
const EVENT = 1;
const SKIPPED = 2;
/**
 * How many numbers are skipped if the guest crashed: more than events that had a number and were not
 * on disk yet. Without that, other events could get the numbers that a host has already seen.
 */
const SKIPPED_NUMBERS = 1000;
/** Events that may be lost by a crash of the guest: fewer than {@link SKIPPED_NUMBERS}. */
const MAX_UNFLUSHED = 200;
/** The file that has the number of the next event, if the agent has stopped in order. */
const STOPPED = "stopped";
/**
 * The file that names the epoch. It is missing while the disk lacks events that have numbers: an
 * agent that starts then cannot know those numbers, and begins another epoch.
 */
const EPOCH = "epoch";
/** … and how long an event may be in memory only. */
const FLUSH_MS = 1000;
/** The bytes of events that may wait for the disk: the agent has 50 MiB in all. */
const MAX_PENDING_BYTES = 128 * 1024;
const READ_BYTES = 32 * 1024;
const MS_PER_SECOND = 1000;
/** Bytes of JSON of an event in an answer besides what is stored: its number. */
const NUMBER_BYTES = 32;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How the journal is kept. */
export interface JournalOptions {
  /** Where it is kept. */
  readonly folder: StateFolder;
  /** The bytes of events that are kept; the oldest are dropped. */
  readonly keepBytes: number;
  /** When the guest was started, in milliseconds since 1970. */
  readonly bootedAt: number;
  /** The sources that are on. */
  readonly sources: () => readonly EventType[];
  /** Called for each event before anybody is told of it. */
  readonly onEvent?: () => void;
}

/** Which events to read. */
export interface EventSelection {
  /** As an earlier read returned it; `undefined` for the oldest event. */
  readonly cursor: string | undefined;
  /** Without a cursor: only this many of the last events. */
  readonly last: number | undefined;
  /** `undefined` for all types. */
  readonly types: readonly EventType[] | undefined;
  readonly limits: {
    readonly events: number;
    /** Bytes of JSON that they take together. */
    readonly jsonBytes: number;
  };
}

/** Events that were read. */
export interface ReadEvents {
  readonly events: readonly JournalEvent[];
  readonly cursor: string;
  /** How many numbers are missing before the first event; absent if nobody knows. */
  readonly lost?: number;
  /** Why events are missing; absent if none are. */
  readonly gap?: string;
}

/** What an append returns. */
export interface Appended {
  readonly seq: number;
  /** Whether the journal keeps the event; not on a full disk. */
  readonly isKept: boolean;
}

interface Waiter {
  readonly types: readonly EventType[] | undefined;
  readonly wake: () => void;
}

/** The journal of the agent's events. It is opened when it is first used. */
export class EventJournal {
  readonly #options: JournalOptions;
  readonly #waiters = new Set<Waiter>();
  #opened: Promise<{ readonly spool: Spool; readonly epoch: string }> | undefined;
  #appending: Promise<unknown> = Promise.resolve();
  #pendingBytes = 0;
  #unflushed = 0;
  /** Whether the disk has all numbers, as {@link EPOCH} says. */
  #isComplete = true;
  #flushing: Timer | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /**
   * Appends an event unless its source is off. Never rejects: what happens in the guest does not
   * depend on the journal.
   */
  async record(event: NewEvent): Promise<void> {
    if (!this.isOn(event.type)) return;
    await this.append(event).catch(() => {});
  }

  /** Whether events of this type are recorded. */
  isOn(type: EventType): boolean {
    return this.#options.sources().includes(type);
  }

  /**
   * Appends an event and wakes those who wait for it.
   *
   * @throws {RpcError} -32004 if too many events wait for the disk.
   * @throws The reason why the journal cannot be opened.
   */
  append({ type, event, data }: NewEvent): Promise<Appended> {
    this.#options.onEvent?.();
    const timestamp = Math.floor(Date.now() / MS_PER_SECOND);
    const bytes = storedBytes({ type, event, data }, timestamp);
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes.byteLength > MAX_PENDING_BYTES) {
      return Promise.reject(tooManyRequests("events come faster than the disk takes them"));
    }
    this.#pendingBytes += bytes.byteLength;
    // One after another: the number of an event is known once those before it are appended.
    const appended = this.#appending.then(() => this.#append(type, bytes))
      .finally(() => this.#pendingBytes -= bytes.byteLength);
    this.#appending = appended.catch(() => {});
    return appended;
  }

  async #append(type: EventType, bytes: Uint8Array): Promise<Appended> {
    const { spool, epoch } = await this.#open();
    const seq = spool.end;
    const isKept = await spool.append(EVENT, bytes, 1);
    if (isKept !== this.#isComplete) await this.#markEpoch(epoch, isKept);
    for (const { types, wake } of [...this.#waiters]) {
      if (types === undefined || types.includes(type)) wake();
    }
    if (++this.#unflushed >= MAX_UNFLUSHED) await this.flush();
    else this.#flushing ??= new Timer(FLUSH_MS, () => void this.flush());
    return { seq, isKept };
  }

  /** Says on the disk whether it has the newest number. */
  async #markEpoch(epoch: string, isComplete: boolean): Promise<void> {
    const { folder } = this.#options;
    try {
      await (isComplete ? folder.writeText(EPOCH, epoch) : folder.removeText(EPOCH));
      this.#isComplete = isComplete;
    } catch {
      // Tried again with the next event.
    }
  }

  /**
   * Reads events.
   *
   * @throws {RpcError} -32602 for a cursor that is not one of this journal.
   */
  async read({ cursor, last, types, limits }: EventSelection): Promise<ReadEvents> {
    const { spool, epoch } = await this.#open();
    const start = startOfRead(cursor, last, spool, epoch);
    const events: JournalEvent[] = [];
    let [seq, left] = [start.seq, limits.jsonBytes];
    let lost = 0;
    const hasRoom = () => events.length < limits.events && left > 0;
    while (hasRoom() && seq < spool.end) {
      const piece = await spool.read(seq, { maxBytes: READ_BYTES, separate: true });
      try {
        // What was dropped before an event that this read returns anyway is told by the next read.
        if (piece.lost > 0 && events.length > 0) break;
        lost += piece.lost;
        seq = piece.begin;
        for (const { kind, bytes } of piece.runs) {
          const skipped = kind === SKIPPED ? Number(decoder.decode(bytes)) : 0;
          if (skipped > 0 && events.length > 0) return result(seq);
          if (skipped > 0) {
            lost += skipped;
            seq += skipped;
            continue;
          }
          if (!hasRoom()) break;
          const type = types === undefined ? undefined : storedType(bytes);
          const isOther = type !== undefined && types?.some((one) => one === type) === false;
          const found = isOther ? undefined : parseEvent(bytes, seq);
          if (found === undefined && !isOther) lost += 1;
          const size = found === undefined ? 0 : bytes.byteLength + NUMBER_BYTES;
          if (size > left && events.length > 0) return result(seq);
          if (found !== undefined) events.push(size > left ? withoutData(found) : found);
          left -= size;
          seq += 1;
        }
        if (piece.runs.length === 0) seq = Math.max(seq, piece.next);
      } finally {
        piece.release();
      }
    }
    return result(seq);

    function result(next: number): ReadEvents {
      const known = start.isKnown ? { lost } : {};
      const gap = start.gap ?? (lost > 0 ? "the oldest events were dropped" : undefined);
      return {
        events,
        cursor: cursorText(epoch, next),
        ...(gap === undefined ? {} : { ...known, gap }),
      };
    }
  }

  /** Resolves when {@link read} has something to read, or after the abort of the signal. */
  async change(
    selection: Pick<EventSelection, "cursor" | "types">,
    signal: AbortSignal,
  ): Promise<void> {
    const woken = Promise.withResolvers<void>();
    const waiter: Waiter = { types: selection.types, wake: woken.resolve };
    const aborted = new Aborted(signal);
    using _aborted = aborted;
    this.#waiters.add(waiter);
    try {
      const limits = { events: 1, jsonBytes: READ_BYTES };
      const { events, gap } = await this.read({ ...selection, last: undefined, limits });
      if (events.length > 0 || gap !== undefined) return;
      await Promise.race([woken.promise, aborted.happened]);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** Resolves when everything appended so far is on disk. Never rejects. */
  async flush(): Promise<void> {
    this.#unflushed = 0;
    this.#flushing?.stop();
    this.#flushing = undefined;
    await this.#open().then(({ spool }) => spool.flush()).catch(() => {});
  }

  /** Flushes and closes the file; a later append opens another one. Never rejects. */
  async close(): Promise<void> {
    await this.flush();
    await this.#opened?.then(async ({ spool }) => {
      await spool.close();
      await this.#options.folder.writeText(STOPPED, String(spool.end));
    }).catch(() => {});
  }

  #open() {
    return this.#opened ??= this.#openNow().catch((error) => {
      this.#opened = undefined;
      throw error;
    });
  }

  async #openNow() {
    const { folder, keepBytes, bootedAt } = this.#options;
    const spool = await folder.spool("events", { bytes: keepBytes });
    const known = await folder.readText(EPOCH);
    const isKnown = known !== undefined && /^[0-9a-f]{16}$/.test(known) && spool.end > 0;
    const epoch = isKnown ? known : crypto.getRandomValues(new Uint8Array(8)).toHex();
    this.#isComplete = isKnown;
    if (!isKnown) await this.#markEpoch(epoch, true);
    const hasStopped = await folder.readText(STOPPED) === String(spool.end);
    if (isKnown && !hasStopped && await isFromEarlierBoot(spool, bootedAt)) {
      const count = encoder.encode(String(SKIPPED_NUMBERS));
      const isKept = await spool.append(SKIPPED, count, SKIPPED_NUMBERS);
      if (!isKept) await this.#markEpoch(epoch, false);
    }
    return { spool, epoch };
  }
}

/** Whether the guest was started since the last event. */
async function isFromEarlierBoot(spool: Spool, bootedAt: number): Promise<boolean> {
  const piece = await spool.read(spool.end - 1, { maxBytes: 1, separate: true });
  const last = piece.runs.at(-1);
  const event = last?.kind === EVENT ? parseEvent(last.bytes, 0) : undefined;
  piece.release();
  return event === undefined || event.timestamp * MS_PER_SECOND < bootedAt;
}
