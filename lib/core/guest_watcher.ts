/**
 * Looks at the guest from time to time and records what has changed.
 *
 * Two wake-ups a second and a thousandth of a processor are all that this may take, so it asks few
 * and cheap questions, and none whose source is off.
 *
 * @module
 */

import { collectIfDue, countGarbage, countStart } from "../base/memory/garbage.ts";
import { messageOf } from "../base/message_of.ts";
import { Timer } from "../base/timer.ts";
import type { EventsConfig, EventType } from "../config/events.ts";
import type { Facts } from "../guest/facts.ts";
import type { QuickLook, SlowLook, Watch } from "../guest/watch.ts";
import type { Log } from "../log/logger.ts";
import type { EventJournal } from "./event_journal.ts";
import type { NewEvent } from "./event_types.ts";
import {
  clockChanges,
  type Clocks,
  filesystemChanges,
  networkChanges,
  slowChanges,
} from "./guest_changes.ts";

/**
 * How often the quick look happens, and every how many of them the slow one. The service manager hears
 * as often that the agent is alive, at the same wake-up.
 */
const QUICK_MS = 15_000;
const QUICK_PER_SLOW = 4;
/** The first slow look: after the start, which is busy enough. */
const FIRST_SLOW = 2;
const MS_PER_SECOND = 1000;
/** What a look leaves for the garbage collector: so much that it runs every few minutes. */
const QUICK_LOOK_BYTES = 16 * 1024;
const SLOW_LOOK_BYTES = 512 * 1024;

/** What a watcher works with. */
export interface WatcherOptions {
  readonly watch: Watch;
  readonly facts: Pick<Facts, "filesystems">;
  readonly journal: Pick<EventJournal, "record">;
  /** The configuration in effect. */
  readonly config: () => EventsConfig;
  readonly log: Log;
  /** Milliseconds between quick looks. @default {15000} */
  readonly quickMs?: number;
}

/** Watches the guest until it is disposed of. */
export class GuestWatcher implements AsyncDisposable {
  readonly #options: WatcherOptions;
  readonly #stopping = new AbortController();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #looks = 0;
  #quick: QuickLook | undefined;
  #clocks: Clocks | undefined;
  #slow: SlowLook | undefined;
  #full: ReadonlySet<string> | undefined;
  #isInTrouble = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = new Timer(this.#options.quickMs ?? QUICK_MS, () => {
      this.#looking ??= this.#look().finally(() => this.#looking = undefined);
      // Not after the look, which would fall behind other timers and need a wake-up of its own.
      this.#schedule();
    }, { lasting: true });
  }

  async #look(): Promise<void> {
    const isSlow = this.#looks % QUICK_PER_SLOW === FIRST_SLOW;
    this.#looks += 1;
    try {
      const events = [...await this.#lookQuickly(), ...isSlow ? await this.#lookSlowly() : []];
      for (const event of events) await this.#options.journal.record(event);
      this.#isInTrouble = false;
      // The first looks load what later ones use again, which leaves the most.
      if (this.#looks === 1 || this.#looks === FIRST_SLOW + 1) countStart();
      countGarbage(isSlow ? SLOW_LOOK_BYTES : QUICK_LOOK_BYTES);
      // No traffic collects the garbage of an agent that only watches.
      collectIfDue();
    } catch (error) {
      if (this.#stopping.signal.aborted || this.#isInTrouble) return;
      this.#isInTrouble = true;
      this.#options.log.warn("cannot watch the guest; trying again", { error: messageOf(error) });
    }
  }

  async #lookQuickly(): Promise<NewEvent[]> {
    const { watch } = this.#options;
    if (!this.#isOn("network", "clock", "guest")) {
      this.#quick = this.#clocks = undefined;
      return [];
    }
    const quick = await watch.quick(this.#stopping.signal);
    const clocks: Clocks = {
      monotonic: performance.now() / MS_PER_SECOND,
      system: Date.now() / MS_PER_SECOND,
      hardware: quick.hardwareClockSeconds,
    };
    const events = [
      ...this.#quick === undefined ? [] : networkChanges(this.#quick, quick),
      ...this.#clocks === undefined ? [] : clockChanges(this.#clocks, clocks),
    ];
    this.#quick = quick;
    this.#clocks = clocks;
    return events;
  }

  async #lookSlowly(): Promise<NewEvent[]> {
    const { watch, facts, config } = this.#options;
    const { signal } = this.#stopping;
    const events: NewEvent[] = [];
    if (this.#isOn("memory", "unit")) {
      const slow = await watch.slow(signal);
      events.push(...slowChanges(this.#slow, slow));
      this.#slow = slow;
    }
    if (this.#isOn("filesystem")) {
      const { filesystems } = await facts.filesystems(signal);
      const changes = filesystemChanges(this.#full, filesystems, config().filesystem_percent);
      this.#full = changes.full;
      events.push(...changes.events);
    }
    return events;
  }

  #isOn(...types: readonly EventType[]): boolean {
    const { sources } = this.#options.config();
    return types.some((type) => sources.includes(type));
  }

  /** Stops watching, and ends the processes that look. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#timer?.stop();
    await this.#looking;
    await this.#options.watch[Symbol.asyncDispose]();
  }
}
