/**
 * A freeze with a dead man's switch: from the request until everything is thawed.
 *
 * The process that freezes stays in memory and thaws when it is told to, when the time is over, when
 * the agent has been gone for a while, or when it is stopped. Other brokers reach it through a socket
 * in its runtime directory, which is in memory too (/run). If it is killed, a list in that directory
 * tells them what to thaw.
 *
 * @module
 */

import * as z from "zod";
import { commandFailed, RpcError } from "../../../base/errors.ts";
import { closeQuietly } from "../../../base/close_quietly.ts";
import { Timer } from "../../../base/timer.ts";
import {
  type FreezeEnding,
  type FreezeRequest,
  type FreezeStatus,
  FreezeStatusSchema,
  type Freezing,
  type Frozen,
  type MountedFilesystem,
  selectMounts,
  type Thawed,
  ThawedSchema,
} from "../../../privileged/filesystems.ts";
import { LineReader } from "../../../privileged/line_reader.ts";
import { lineOf, MAX_MESSAGE_BYTES, parseRequest } from "../../../privileged/messages.ts";
import { ask } from "./ask.ts";
import { brokerSocket } from "./broker_link.ts";
import type { FreezeHooks } from "./freeze_hooks.ts";
import { Freezer } from "./freezer.ts";
import { type FreezeCalls, loadFreezeCalls } from "./libc.ts";
import { writeAll } from "../../../base/write_all.ts";

/** The directory of the brokers, which only root may enter. */
export const RUNTIME_DIRECTORY = "/run/kvmmanager-agent-privileged";
/** The socket of the process that keeps file systems frozen. */
export const freezeSocketIn = (directory: string): string => `${directory}/freeze.sock`;
const listIn = (directory: string) => `${directory}/frozen`;

/** An agent that is restarted is back by then. */
const AGENT_GONE_MS = 30_000;

/** How a session works. */
export interface SessionOptions {
  readonly directory: string;
  readonly hooks: FreezeHooks;
  readonly mounts: () => Promise<readonly MountedFilesystem[]>;
  /** Aborted if the request to freeze is cancelled before it is answered. */
  readonly cancelled: AbortSignal;
  /** Tells whether file systems are frozen: from then on, nothing may wait for a disk. */
  readonly onChange: (isFrozen: boolean) => void;
  /** @default {30000} */
  readonly agentGoneMs?: number;
  /** Replaced by tests. */
  readonly calls?: () => FreezeCalls;
}

/** What this broker, or another one, keeps frozen. */
export class FreezeSession implements Freezing {
  readonly #options: SessionOptions;
  readonly #ended = Promise.withResolvers<Thawed>();
  #freezer: Freezer | undefined;
  /** When everything is thawed, in milliseconds of `performance.now()`. */
  #deadline = 0;
  #timer: Timer | undefined;
  #ending: Promise<Thawed> | undefined;
  #listener: Deno.UnixListener | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Whether this process keeps file systems frozen. */
  get isHeld(): boolean {
    return this.#freezer !== undefined;
  }

  /** Resolves once everything is thawed and the hooks have run. */
  get ended(): Promise<Thawed> {
    return this.#ended.promise;
  }

  async freeze({ ttlSeconds, mountPoints }: FreezeRequest): Promise<Frozen> {
    const { directory, hooks, mounts, cancelled, onChange, calls = loadFreezeCalls } = this
      .#options;
    await this.#requireThawed();
    const selected = selectMounts(await mounts(), mountPoints);
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    const loaded = calls();
    const freezer = new Freezer(loaded);
    const expired = new AbortController();
    const stop = () => void this.#end("stopped");
    try {
      await hooks.freeze(cancelled);
      await Deno.writeTextFile(
        listIn(directory),
        JSON.stringify(selected.map(({ mountPoint }) => mountPoint)),
        { mode: 0o600 },
      );
      this.#serveOthers();
      Deno.addSignalListener("SIGTERM", stop);
      this.#freezer = freezer;
      this.#deadline = performance.now() + ttlSeconds * 1000;
      let isComplete = false;
      this.#timer = new Timer(ttlSeconds * 1000, () => {
        if (isComplete) void this.#end("ttl");
        else expired.abort(commandFailed("ttl_seconds was over before everything was frozen"));
      });
      onChange(true);
      const signal = AbortSignal.any([cancelled, expired.signal]);
      const frozen = await freezer.freeze(selected, mountPoints !== undefined, signal);
      isComplete = true;
      if (frozen.frozen.length > 0) return frozen;
      throw commandFailed("no file system can be frozen", { skipped: frozen.skipped });
    } catch (error) {
      await this.#end("request");
      throw error;
    } finally {
      void this.ended.then(() => {
        Deno.removeSignalListener("SIGTERM", stop);
        loaded.unload();
      });
    }
  }

  async thaw(): Promise<Thawed> {
    if (this.isHeld) return await this.#end("request");
    const thawed = z.safeParse(ThawedSchema(), await this.#askHolder("fs_thaw"));
    if (thawed.success) return thawed.data;
    const left = await this.#leftBehind();
    const found = left.length === 0 ? [] : await this.#thawLeftBehind(left);
    return { thawed: found, problems: [], ended_by: found.length > 0 ? "request" : null };
  }

  async status(): Promise<FreezeStatus> {
    if (this.isHeld) return this.#status();
    const status = z.safeParse(
      FreezeStatusSchema(),
      await this.#askHolder("fs_freeze_status"),
    );
    return status.success ? status.data : { frozen: await this.#leftBehind() };
  }

  async #thawLeftBehind(mountPoints: readonly string[]): Promise<string[]> {
    const { calls = loadFreezeCalls, directory } = this.#options;
    const loaded = calls();
    const thawed = await new Freezer(loaded).thawAt(mountPoints);
    loaded.unload();
    await Deno.remove(listIn(directory));
    return thawed;
  }

  /** The agent's connection is closed: thaws after a while, or at once. */
  agentGone(isAtOnce: boolean): void {
    const delay = isAtOnce ? 0 : this.#options.agentGoneMs ?? AGENT_GONE_MS;
    new Timer(delay, () => void this.#end("agent_gone"));
  }

  #status(): FreezeStatus {
    const left = Math.max(0, Math.ceil((this.#deadline - performance.now()) / 1000));
    return { frozen: this.#freezer?.frozen ?? [], remaining_seconds: left };
  }

  /** Thaws; the first reason counts. */
  #end(ending: FreezeEnding): Promise<Thawed> {
    return this.#ending ??= this.#thawAll(ending);
  }

  async #thawAll(ending: FreezeEnding): Promise<Thawed> {
    this.#timer?.stop();
    const { hooks, onChange, directory } = this.#options;
    const { thawed, problems } = await this.#freezer?.thaw() ?? { thawed: [], problems: [] };
    onChange(false);
    if (this.#listener !== undefined) closeQuietly(this.#listener);
    for (const path of [freezeSocketIn(directory), listIn(directory)]) {
      await Deno.remove(path).catch(() => {});
    }
    const failed = await hooks.thaw();
    this.#freezer = undefined;
    const result = { thawed, problems: [...problems, ...failed], ended_by: ending };
    this.#ended.resolve(result);
    return result;
  }

  /** @throws {RpcError} -32000 if another broker keeps file systems frozen, or has left them so. */
  async #requireThawed(): Promise<void> {
    const { frozen } = await this.status();
    if (frozen.length === 0 && !this.isHeld) return;
    throw commandFailed(`already frozen: ${frozen.join(", ")}; thaw first`);
  }

  /** What a broker that was killed had been asked to freeze. */
  async #leftBehind(): Promise<string[]> {
    try {
      const list = JSON.parse(await Deno.readTextFile(listIn(this.#options.directory)));
      return Array.isArray(list) ? list.filter((path) => typeof path === "string") : [];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** Asks the process that keeps file systems frozen; `undefined` if there is none. */
  async #askHolder(operation: string): Promise<unknown> {
    const path = freezeSocketIn(this.#options.directory);
    let link;
    try {
      await Deno.lstat(path);
      link = await brokerSocket(path)();
    } catch (error) {
      if (error instanceof RpcError || error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    try {
      return await ask(link, new LineReader(link, MAX_MESSAGE_BYTES), operation, {});
    } finally {
      await link.close();
    }
  }

  /** Answers other brokers, whose peers have been checked. */
  #serveOthers(): void {
    const path = freezeSocketIn(this.#options.directory);
    try {
      Deno.removeSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const listener = Deno.listen({ transport: "unix", path });
    this.#listener = listener;
    void (async () => {
      for await (const connection of listener) void this.#answer(connection);
    })().catch(() => {});
  }

  async #answer(connection: Deno.UnixConn): Promise<void> {
    try {
      const line = await new LineReader(connection, MAX_MESSAGE_BYTES).next();
      const operation = parseRequest(line ?? "")?.operation;
      const result = operation === "fs_thaw"
        ? await this.#end("request")
        : operation === "fs_freeze_status"
        ? this.#status()
        : undefined;
      if (result !== undefined) await writeAll(connection, lineOf({ result }));
    } catch {
      // The other broker has gone.
    } finally {
      closeQuietly(connection);
    }
  }
}
