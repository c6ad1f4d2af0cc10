/**
 * The journal of a running agent, and what the agent itself writes to it.
 *
 * @module
 */

import { type Config } from "../../lib/config/schema.ts";
import { changedKeys } from "../../lib/config/changes.ts";
import { VERSION } from "../../lib/base/version.ts";
import { Timer } from "../../lib/base/timer.ts";
import { withTimer } from "../../lib/base/waiting.ts";
import { EventJournal } from "../../lib/core/event_journal.ts";
import { GuestWatcher } from "../../lib/core/guest_watcher.ts";
import type { Jobs } from "../../lib/core/jobs/jobs.ts";
import type { Guest } from "../../lib/guest/guest.ts";
import type { Log } from "../../lib/log/logger.ts";
import type { Watch } from "../../lib/guest/watch.ts";
import type { LiveConfig } from "./live_config.ts";

const BYTES_PER_KB = 1024;
const MS_PER_SECOND = 1000;
/** How long a hung disk may delay the agent's end. */
const STOP_MS = 1000;
/** How often refused events are summed up. */
const REFUSED_MS = 1000;

/** What the events of an agent are made of. */
export interface AgentEventsOptions {
  /** Starts to look at the guest for changes. */
  readonly watch: () => Watch;
  readonly guest: Guest;
  readonly log: Log;
}

/** The journal of a running agent. */
export class AgentEvents {
  readonly journal: EventJournal;
  readonly #live: LiveConfig;
  readonly #options: AgentEventsOptions;
  #watcher: GuestWatcher | undefined;
  #refused = 0;
  #isStopping = false;

  constructor(live: LiveConfig, options: AgentEventsOptions) {
    this.#live = live;
    this.#options = options;
    this.journal = new EventJournal({
      folder: options.guest.state.root.folder("events"),
      keepBytes: live.current.events.keep_kb * BYTES_PER_KB,
      bootedAt: Date.now() - Deno.osUptime() * MS_PER_SECOND,
      sources: () => live.current.events.sources,
      // Whoever asks because of an event must not get a report from before it.
      onEvent: () => options.guest.reports?.drop(),
    });
    let before: Config = live.current;
    live.onChange((config) => {
      const changed = changedKeys(before, config);
      before = config;
      this.#record("agent.configuration_changed", { changed });
    });
  }

  /** Records what becomes of jobs. */
  watchJobs(jobs: Pick<Jobs, "observe">): void {
    jobs.observe((what, { job_id, exit_code, signal, ended_by }) => {
      const data = { job_id, exit_code, signal, ended_by };
      void this.journal.record({ type: "job", event: `job.${what}`, data });
    });
  }

  /** The agent is ready: records it, and watches the guest from now on. */
  start(): void {
    this.#record("agent.started", { version: VERSION });
    const { guest: { facts }, watch, log } = this.#options;
    this.#watcher = new GuestWatcher({
      watch: watch(),
      facts,
      journal: this.journal,
      config: () => this.#live.current.events,
      log,
    });
  }

  /** Counts an event that a program sent too fast; the journal gets one event for many. */
  countRefused(): void {
    this.#refused += 1;
    if (this.#refused > 1) return;
    new Timer(REFUSED_MS, () => {
      const count = this.#refused;
      this.#refused = 0;
      this.#record("agent.events_refused", { count });
    });
  }

  /**
   * Records that the agent stops, once. Before the hosts are told, so that one that waits for events
   * reads this one.
   */
  async recordStop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const recorded = async () => {
      await this.journal.record({ type: "agent", event: "agent.stopping", data: null });
      await this.journal.flush();
    };
    await withTimer(STOP_MS, recorded());
  }

  /** Stops watching, and closes the journal. */
  async stop(): Promise<void> {
    await this.recordStop();
    await withTimer(STOP_MS, this.#watcher?.[Symbol.asyncDispose]() ?? Promise.resolve());
    await withTimer(STOP_MS, this.journal.close());
  }

  #record(event: string, data: unknown): void {
    void this.journal.record({ type: "agent", event, data });
  }
}
