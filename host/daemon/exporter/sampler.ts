/**
 * Asks the agents of a host for their metrics, each on its own schedule.
 *
 * @module
 */

import { measureClockOffset } from "../../clock_offset.ts";
import { unlessRefused } from "../../errors.ts";
import type { PoolAgent } from "../../member.ts";
import { type GuestFacts, GuestRecord } from "./guest_facts.ts";

/** How often agents are asked, in milliseconds. */
export interface SamplerTimes {
  /** Between two samples of a guest. @default {15000} */
  readonly intervalMs: number;
  /** Between two samples of what takes the guest a process, or changes slowly. @default {60000} */
  readonly slowIntervalMs: number;
  /** How long an answer may take. @default {10000} */
  readonly timeoutMs: number;
  /** How old a sample may be; an older one is not told. @default {75000} */
  readonly maxAgeMs: number;
}

/** What the sampler knows of a guest, as text that does not have to be made again for a scrape. */
export interface GuestSample<T> {
  /** Made of its facts by the sampler's `render`; `undefined` before the first sample and once it is too old. */
  readonly rendered: T | undefined;
  /** How old the sample is. */
  readonly ageMs: number | undefined;
  /** Attempts that did not lead to a sample, since the sampler started. */
  readonly failures: number;
}

/** A VM whose agent is asked. */
export interface SampledVm {
  /** libvirt's name, or as much of it as the socket's path shows. */
  readonly name: string;
  /** What libvirt knows of it. */
  readonly domain: { readonly uuid: string } | undefined;
  /** The same object for as long as the channel exists. */
  readonly agent: PoolAgent;
}

/** The VMs of a host. */
export interface VmSource {
  readonly vms: readonly SampledVm[];
}

const DEFAULT_TIMES: SamplerTimes = {
  intervalMs: 15_000,
  slowIntervalMs: 60_000,
  timeoutMs: 10_000,
  maxAgeMs: 75_000,
};
/** The clock's steps in an interval, and the longest one. */
const STEPS = 5;
const MAX_STEP_MS = 1000;
const CLOCK_ROUNDS = 3;
const UNIT_PAGE = 20;

interface Guest<T> {
  readonly record: GuestRecord;
  sampleAt: number;
  slowAt: number;
  isAsking: boolean;
  rendered: T | undefined;
  sampledAt: number | undefined;
  failures: number;
}

/**
 * Asks every agent once an interval, spread over it. An agent has one call in flight and nothing is
 * shared between agents, so one that does not answer delays nobody else.
 */
export class Sampler<T> implements Disposable {
  readonly #source: VmSource;
  readonly #render: (vm: SampledVm, facts: GuestFacts) => T;
  readonly #times: SamplerTimes;
  readonly #guests = new Map<PoolAgent, Guest<T>>();
  readonly #stop = new AbortController();
  readonly #clock: ReturnType<typeof setInterval>;

  /** @param render What is kept of a guest's facts. */
  constructor(
    source: VmSource,
    render: (vm: SampledVm, facts: GuestFacts) => T,
    times: Partial<SamplerTimes> = {},
  ) {
    this.#source = source;
    this.#render = render;
    this.#times = { ...DEFAULT_TIMES, ...times };
    const step = Math.min(MAX_STEP_MS, this.#times.intervalMs / STEPS);
    this.#clock = setInterval(() => this.#tick(), step);
    this.#tick();
  }

  /** What is known of a guest. */
  sampleOf(agent: PoolAgent): GuestSample<T> {
    const guest = this.#guests.get(agent);
    if (guest === undefined) return { rendered: undefined, ageMs: undefined, failures: 0 };
    const ageMs = guest.sampledAt === undefined ? undefined : performance.now() - guest.sampledAt;
    const isCurrent = ageMs !== undefined && ageMs <= this.#times.maxAgeMs;
    return { rendered: isCurrent ? guest.rendered : undefined, ageMs, failures: guest.failures };
  }

  /** Stops asking. */
  [Symbol.dispose](): void {
    clearInterval(this.#clock);
    this.#stop.abort();
  }

  #tick(): void {
    const now = performance.now();
    const { vms } = this.#source;
    if (this.#guests.size > vms.length) {
      const present = new Set(vms.map(({ agent }) => agent));
      for (const agent of this.#guests.keys()) {
        if (!present.has(agent)) this.#guests.delete(agent);
      }
    }
    for (const vm of vms) {
      const guest = this.#guests.get(vm.agent) ?? this.#add(vm.agent);
      if (vm.agent.state !== "ready" || guest.isAsking || now < guest.sampleAt) continue;
      void this.#sample(vm, guest, now);
    }
  }

  #add(agent: PoolAgent): Guest<T> {
    const guest: Guest<T> = {
      record: new GuestRecord(),
      sampleAt: 0,
      slowAt: 0,
      isAsking: false,
      rendered: undefined,
      sampledAt: undefined,
      failures: 0,
    };
    this.#guests.set(agent, guest);
    return guest;
  }

  async #sample(vm: SampledVm, guest: Guest<T>, now: number): Promise<void> {
    const { intervalMs, slowIntervalMs } = this.#times;
    guest.isAsking = true;
    // The first samples of a host's agents become ready together; later ones are spread.
    guest.sampleAt = now + intervalMs * (guest.sampledAt === undefined ? Math.random() : 1);
    const isSlowDue = now >= guest.slowAt;
    try {
      await this.#ask(vm.agent, guest.record, isSlowDue);
      if (isSlowDue) guest.slowAt = now + slowIntervalMs * (1 - Math.random() / STEPS);
      guest.sampledAt = performance.now();
      guest.rendered = this.#render(vm, guest.record.facts);
    } catch {
      // No answer, or one that is not valid. The sample's age tells, and the pool says why.
      if (!this.#stop.signal.aborted) guest.failures += 1;
    } finally {
      guest.isAsking = false;
    }
  }

  /** @throws {CallError} if the agent does not answer. */
  async #ask(agent: PoolAgent, record: GuestRecord, isSlowDue: boolean): Promise<void> {
    const options = { timeoutMs: this.#times.timeoutMs, signal: this.#stop.signal };
    const can = (capability: string) => agent.info?.capabilities.includes(capability) ?? true;
    const told = async <R>(capability: string, ask: () => Promise<R>) =>
      can(capability) ? await unlessRefused(ask()) : undefined;

    const metrics = await told("metrics", () => agent.call("get_metrics", {}, options));
    record.setMetrics(metrics, performance.now());
    record.setDescription(agent, performance.now());
    if (!isSlowDue) return;
    const usage = await told("disk_usage", () => agent.call("get_disk_usage", {}, options));
    record.setFilesystems(usage?.filesystems, performance.now());
    record.facts.clock = await told(
      "time_get",
      () => measureClockOffset(agent, options, CLOCK_ROUNDS),
    );
    const failed = await told(
      "services",
      () => agent.call("service_list", { state: "failed", limit: UNIT_PAGE }, options),
    );
    record.setFailedUnits(
      failed && { names: failed.services.map(({ name }) => name), count: failed.total_count },
      performance.now(),
    );
  }
}
