/**
 * The VMs of this host: their channels, which the daemon owns, what libvirt knows of them, and what
 * happens to them.
 *
 * @module
 */

import { channelsNamed, type SearchPath } from "../channels.ts";
import type { PoolAgent, PoolEvent } from "../member.ts";
import { AgentPool, type PoolOptions } from "../pool.ts";
import { Domains } from "./domains.ts";
import { notOnThisHost } from "./errors.ts";
import { Journal } from "./journal.ts";
import type { HostVm } from "./vm.ts";

/** How the VMs are found. */
export interface HostOptions extends Omit<PoolOptions, "lockAs" | "maxLineBytes"> {
  readonly searchPaths: readonly SearchPath[];
  /** Where libvirt's status files are. @default libvirt's directory */
  readonly libvirtDirectory?: string;
}

/** Called with what happens to a VM. */
export type VmListener = (vm: HostVm, event: PoolEvent) => void;

/** How the daemon describes itself to programs that find a channel in use. */
const LOCK_AS = "kvmmanager-hostd";
/** The largest `max_message_size_kb`, plus room for the newline. */
const MAX_LINE_BYTES = 16 * 1024 * 1024 + 1024;
const REFRESH_MS = 10_000;
/** A VM that has just started may not be known yet. */
const RENEW_MS = { domains: 1000, index: 100 } as const;
const MAX_LISTED = 10;

/** The VMs of this host. Owns all their channels until it is closed. */
export class Host implements AsyncDisposable {
  /** What happened to the VMs. */
  readonly journal: Journal = new Journal();
  readonly #domains: Domains;
  readonly #pool: AgentPool;
  readonly #listeners = new Set<VmListener>();
  readonly #clock: ReturnType<typeof setInterval>;
  /** Events wait for what libvirt knows of a new VM, in order. */
  #events: Promise<void> = Promise.resolve();
  #refreshedAt = performance.now();
  #index: VmIndex | undefined;

  private constructor(pool: AgentPool, domains: Domains) {
    this.#pool = pool;
    this.#domains = domains;
    this.#clock = setInterval(() => void this.#refreshDomains(), REFRESH_MS);
  }

  /** Finds the VMs and starts connecting to their agents. */
  static async open({ libvirtDirectory, ...options }: HostOptions): Promise<Host> {
    const domains = new Domains(libvirtDirectory);
    await domains.refresh();
    const early: PoolEvent[] = [];
    let onEvent = (event: PoolEvent): void => {
      early.push(event);
    };
    const pool = await AgentPool.open(
      { ...options, lockAs: LOCK_AS, maxLineBytes: MAX_LINE_BYTES },
      (event) => onEvent(event),
    );
    const host = new Host(pool, domains);
    onEvent = (event) => host.#onEvent(event);
    early.forEach(onEvent);
    return host;
  }

  /** Every VM whose channel exists, sorted by name. */
  get vms(): readonly HostVm[] {
    return this.#currentIndex().vms;
  }

  /** What could not be read, for a person. */
  get problems(): readonly string[] {
    const { problem } = this.#domains;
    return [...this.#pool.problems, ...problem === undefined ? [] : [problem]];
  }

  /**
   * The VM of an id, a name, or a socket.
   *
   * @throws {HostError} -32011 if there is none, or several.
   */
  find(name: string): HostVm {
    let found = this.#currentIndex().find(name);
    if (found.length === 0) found = this.#currentIndex(RENEW_MS.index).find(name);
    const [vm, ...others] = found;
    if (vm === undefined) throw notOnThisHost(`no VM ${quoted(name)} on this host`);
    if (others.length === 0) return vm;
    const sockets = found.slice(0, MAX_LISTED).map(({ agent }) => agent.path).join(", ");
    throw notOnThisHost(`several channels belong to ${quoted(name)}; name a socket: ${sockets}`);
  }

  /** Calls a listener with everything that happens until the returned value is disposed of. */
  listen(listener: VmListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Resolves when every agent has answered, or after this time. */
  async settled(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = () => {
      if (this.#pool.agents.every(({ state }) => state === "ready")) resolve();
    };
    const listening = this.#pool.listen(check);
    using _listening = listening;
    const timer = setTimeout(resolve, milliseconds);
    check();
    await promise;
    clearTimeout(timer);
  }

  /** Looks again for VMs and reads what libvirt knows of them. */
  async refresh(): Promise<void> {
    await this.#pool.rescan();
    await this.#refreshDomains();
  }

  /** Closes all channels; calls in flight fail, and tell whether they had been sent. */
  async close(): Promise<void> {
    clearInterval(this.#clock);
    await this.#pool.close();
    await this.#events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #refreshDomains(): Promise<void> {
    this.#refreshedAt = performance.now();
    await this.#domains.refresh();
    this.#index = undefined;
  }

  #onEvent(event: PoolEvent): void {
    this.#events = this.#events.then(async () => {
      const { agent, kind } = event;
      if (kind === "connected" && this.#domains.of(agent.path) === undefined) {
        const isDue = performance.now() - this.#refreshedAt > RENEW_MS.domains;
        if (isDue) await this.#refreshDomains();
      }
      if (kind === "connected" || kind === "gone") this.#index = undefined;
      const vm = this.#describe(agent);
      this.journal.add(vm, event);
      for (const listener of this.#listeners) listener(vm, event);
    });
  }

  #describe(agent: PoolAgent): HostVm {
    const domain = this.#domains.of(agent.path);
    return { id: domain?.uuid ?? agent.name, name: domain?.name ?? agent.name, domain, agent };
  }

  /** @param maxAgeMs Builds the index anew if it is older. */
  #currentIndex(maxAgeMs = Number.POSITIVE_INFINITY): VmIndex {
    const isOld = performance.now() - (this.#index?.builtAt ?? 0) > maxAgeMs;
    if (this.#index === undefined || isOld) {
      this.#index = new VmIndex(this.#pool.agents.map((agent) => this.#describe(agent)));
    }
    return this.#index;
  }
}

/** The VMs by everything that can name them. */
class VmIndex {
  readonly builtAt = performance.now();
  readonly vms: readonly HostVm[];
  readonly #byKey = new Map<string, HostVm[]>();

  constructor(vms: readonly HostVm[]) {
    this.vms = vms.toSorted((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
    for (const vm of vms) {
      for (const key of new Set([vm.id, vm.name, vm.agent.path])) {
        const known = this.#byKey.get(key);
        if (known === undefined) this.#byKey.set(key, [vm]);
        else known.push(vm);
      }
    }
  }

  find(name: string): readonly HostVm[] {
    const exact = this.#byKey.get(name);
    if (exact !== undefined) return exact;
    // libvirt truncates names in paths; only what is not known better may be meant.
    const paths = this.vms.filter(({ domain }) => domain === undefined)
      .map(({ agent }) => agent.channel);
    return channelsNamed(paths, name).flatMap(({ path }) => this.#byKey.get(path) ?? []);
  }
}

const MAX_SHOWN_NAME = 100;
const quoted = (name: string) => JSON.stringify(name.slice(0, MAX_SHOWN_NAME));
