/**
 * Finds, connects and monitors all agents of a host.
 *
 * @module
 */

import { type AgentChannel, directoryOf, findChannels, type SearchPath } from "./channels.ts";
import { LOCK_SUFFIX } from "./lock.ts";
import { type PoolAgent, type PoolEvent, PoolMember, type PoolTimes } from "./member.ts";

/** How a pool finds and watches its agents. */
export interface PoolOptions extends Partial<PoolTimes> {
  /** Where to search for channels; see {@link SearchPath}. */
  readonly searchPaths: readonly SearchPath[];
  /** Channels that are always in the pool. */
  readonly channels?: readonly AgentChannel[];
  /**
   * Milliseconds between two scans of the search paths, for changes that the kernel does not
   * report. @default {10000}
   */
  readonly scanMs?: number;
  /** As in `ClientOptions`, for every connection. @default no locks */
  readonly lockAs?: string;
  /** As in `ClientOptions`, for every connection. @default {1048576} */
  readonly maxLineBytes?: number;
}

const DEFAULT_TIMES: PoolTimes = { reconnectMs: 10_000, pingMs: 10_000, unavailableMs: 30_000 };
const DEFAULT_SCAN_MS = 10_000;
/** Limits of the clock's step, and the number of steps in the shortest interval. */
const TICK_MS = { most: 500, least: 10 } as const;
const TICKS_PER_INTERVAL = 5;
/** How long changes are collected before a scan: a starting VM causes several. */
const SETTLE_MS = 100;
/** Its own questions have small answers; who asks for larger ones sets `maxLineBytes`. */
const MAX_LINE_BYTES = 1024 * 1024;
/** Channels beyond this number are ignored. */
const MAX_AGENTS = 10_000;

/**
 * The agents of a host. Each has its own connection; one that hangs, floods or flaps costs a bounded
 * amount and does not delay the others.
 */
export class AgentPool implements AsyncDisposable {
  readonly #options: PoolOptions;
  readonly #times: PoolTimes;
  readonly #scanMs: number;
  readonly #members = new Map<string, PoolMember>();
  readonly #listeners = new Set<(event: PoolEvent) => void>();
  readonly #watched = new Map<string, Deno.FsWatcher>();
  readonly #ending = new Set<Promise<void>>();
  #clock: ReturnType<typeof setInterval> | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #scanning: Promise<void> | undefined;
  #scanAt = 0;
  #problems: readonly string[] = [];
  #isClosed = false;

  private constructor(options: PoolOptions) {
    this.#options = options;
    this.#times = { ...DEFAULT_TIMES, ...definedTimes(options) };
    this.#scanMs = options.scanMs ?? DEFAULT_SCAN_MS;
  }

  /**
   * Starts a pool; resolves once the search paths have been scanned and connecting to the channels
   * found has started.
   *
   * @param listener Called with every event, starting with the first.
   */
  static async open(
    options: PoolOptions,
    listener: (event: PoolEvent) => void = () => {},
  ): Promise<AgentPool> {
    const pool = new AgentPool(options);
    pool.#listeners.add(listener);
    for (const channel of options.channels ?? []) pool.#add(channel);
    await pool.#scan();
    const { reconnectMs, pingMs, unavailableMs } = pool.#times;
    const shortest = Math.min(reconnectMs, pingMs, unavailableMs, pool.#scanMs);
    const step = Math.max(TICK_MS.least, Math.min(TICK_MS.most, shortest / TICKS_PER_INTERVAL));
    pool.#tick();
    pool.#clock = setInterval(() => pool.#tick(), step);
    return pool;
  }

  /** Every agent whose channel exists, sorted by name. */
  get agents(): readonly PoolAgent[] {
    return [...this.#members.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** The search paths that could not be read, for a person. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Calls a listener with every event until the returned value is disposed of. */
  listen(listener: (event: PoolEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Scans the search paths now. */
  async rescan(): Promise<void> {
    // A scan in progress may have read the directory before the change.
    await this.#scanning;
    if (this.#isClosed) return;
    await this.#scan();
    this.#tick();
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#clock);
    clearTimeout(this.#settling);
    for (const watcher of this.#watched.values()) closeQuietly(watcher);
    await this.#scanning;
    for (const member of this.#members.values()) this.#end(member);
    await Promise.all(this.#ending);
  }

  /** Closes all connections, as {@link AgentPool.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #tick(): void {
    const now = performance.now();
    if (now >= this.#scanAt) void this.#scan();
    for (const member of this.#members.values()) member.tick(now);
  }

  #emit(event: PoolEvent): void {
    if (this.#isClosed) return;
    for (const listener of this.#listeners) listener(event);
  }

  #add(channel: AgentChannel): void {
    if (this.#members.size >= MAX_AGENTS) return;
    const member = new PoolMember(
      channel,
      this.#times,
      (event) => this.#emit(event),
      this.#options.lockAs,
      this.#options.maxLineBytes ?? MAX_LINE_BYTES,
    );
    this.#members.set(channel.path, member);
  }

  #end(member: PoolMember): void {
    const ending = member.end();
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }

  #scan(): Promise<void> {
    this.#scanAt = performance.now() + this.#scanMs;
    return this.#scanning ??= this.#scanOnce().finally(() => this.#scanning = undefined);
  }

  async #scanOnce(): Promise<void> {
    for (const path of this.#options.searchPaths) this.#watch(directoryOf(path));
    const { channels, problems } = await findChannels(this.#options.searchPaths);
    if (this.#isClosed) return;
    this.#problems = problems.map(({ path, reason }) => `${path}: ${reason}`);
    const found = new Set(channels.map(({ path }) => path));
    for (const { path } of this.#options.channels ?? []) found.add(path);
    for (const channel of channels) {
      if (!this.#members.has(channel.path)) this.#add(channel);
    }
    for (const [path, member] of this.#members) {
      if (found.has(path)) continue;
      this.#members.delete(path);
      this.#end(member);
      this.#emit({ kind: "gone", agent: member });
    }
  }

  /** Watches a directory for changes; if that is not possible, the clock scans it. */
  #watch(directory: string): void {
    if (this.#watched.has(directory) || this.#isClosed) return;
    let watcher: Deno.FsWatcher;
    try {
      watcher = Deno.watchFs(directory, { recursive: true });
    } catch {
      // It does not exist, or the limit on watches is reached (inotify(7)).
      return;
    }
    this.#watched.set(directory, watcher);
    void this.#follow(directory, watcher);
  }

  async #follow(directory: string, watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind, paths } of watcher) {
        if (kind === "access" || kind === "modify") continue;
        // Lock files come and go with every connection of every program.
        if (paths.every((path) => path.endsWith(LOCK_SUFFIX))) continue;
        // If it is created again, it will be another directory.
        if (kind === "remove" && paths.includes(directory)) break;
        if (kind === "create") {
          for (const path of paths) this.#members.get(path)?.reconnectNow();
        }
        this.#settling ??= setTimeout(() => {
          this.#settling = undefined;
          void this.rescan();
        }, SETTLE_MS);
      }
    } catch {
      // The watch has ended; the clock keeps scanning.
    }
    this.#watched.delete(directory);
    closeQuietly(watcher);
  }
}

function closeQuietly(watcher: Deno.FsWatcher): void {
  try {
    watcher.close();
  } catch {
    // Closed with the pool.
  }
}

/** The intervals that are set. */
function definedTimes({ reconnectMs, pingMs, unavailableMs }: PoolOptions): Partial<PoolTimes> {
  const entries = Object.entries({ reconnectMs, pingMs, unavailableMs });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
