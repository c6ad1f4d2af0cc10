/**
 * What programs of the host ask the daemon, and reaching agents through it.
 *
 * @module
 */

import * as z from "zod";
import type { AgentChannel } from "./channels.ts";
import { AgentClient, type ClientOptions } from "./client.ts";
import { CallError } from "./errors.ts";
import { isResultOf, type ResultOf } from "./protocol.ts";

const TIMEOUT_MS = 5000;

const Info = z.looseObject({ version: z.string(), pid: z.int() });

/** The daemon's description of itself. */
export type HostdInfo = z.output<typeof Info>;

const Vm = z.looseObject({
  id: z.string(),
  name: z.string(),
  socket: z.string(),
  state: z.enum(["connecting", "ready", "unavailable"]),
  problem: z.optional(z.string()),
  info: z.optional(
    z.custom<ResultOf<"get_agent_info">>((value) => isResultOf("get_agent_info", value)),
  ),
  system: z.optional(
    z.custom<ResultOf<"get_system_info">>((value) => isResultOf("get_system_info", value)),
  ),
});

/** A VM as the daemon lists it. */
export type HostdVm = z.output<typeof Vm>;

const VmList = z.looseObject({ vms: z.array(Vm), cursor: z.string() });

const Watched = z.looseObject({
  events: z.array(z.looseObject({
    vm: z.string(),
    event: z.string(),
    reason: z.optional(z.string()),
    method: z.optional(z.string()),
    params: z.optional(z.unknown()),
  })),
  cursor: z.string(),
});

/** What happened since a cursor. */
export type WatchedEvents = z.output<typeof Watched>;

/** A connection to the daemon, for its own methods. */
export class HostdClient implements AsyncDisposable {
  private constructor(readonly client: AgentClient) {}

  /**
   * Connects to the daemon's socket.
   *
   * @throws {CallError} if it is not served.
   */
  static async connect(socket: string): Promise<HostdClient> {
    return new HostdClient(await AgentClient.connect(socket));
  }

  /** The daemon's description. @throws As {@link AgentClient.call}. */
  info(): Promise<HostdInfo> {
    return this.#ask(Info, "hostd_info", {});
  }

  /** The VMs, and the cursor from which {@link watch} goes on. @throws As {@link AgentClient.call}. */
  list(): Promise<z.output<typeof VmList>> {
    return this.#ask(VmList, "vm_list", {});
  }

  /** Waits for something to happen. @throws As {@link AgentClient.call}. */
  watch(cursor: string, waitSeconds: number, signal: AbortSignal): Promise<WatchedEvents> {
    const timeoutMs = waitSeconds * 1000 + TIMEOUT_MS;
    return this.#ask(Watched, "vm_watch", { cursor, wait_seconds: waitSeconds }, timeoutMs, signal);
  }

  async #ask<T>(
    schema: z.ZodMiniType<T>,
    method: string,
    params: unknown,
    timeoutMs = TIMEOUT_MS,
    signal?: AbortSignal,
  ): Promise<T> {
    const result = await this.client.callUnchecked(method, params, { timeoutMs, signal });
    const { data, error } = z.safeParse(schema, result);
    if (data !== undefined) return data;
    const [issue] = error?.issues ?? [];
    const where = issue?.path.join(".") ?? "result";
    throw new CallError(
      `the daemon's result of ${method} is invalid: ${where}: ${issue?.message}`,
      "invalid result",
      true,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}

/**
 * The channels that the daemon owns.
 *
 * @throws As {@link HostdClient.connect} and {@link HostdClient.list}.
 */
export async function channelsOfHostd(socket: string): Promise<AgentChannel[]> {
  const hostd = await HostdClient.connect(socket);
  await using _hostd = hostd;
  return (await hostd.list()).vms.map((vm) => channelOf(vm, socket));
}

/** A VM's channel, through the daemon. */
export const channelOf = ({ id, name, socket }: HostdVm, hostd: string): AgentChannel => ({
  id,
  name,
  path: socket,
  isShortened: false,
  hostd,
});

/**
 * Connects to an agent: through the daemon if it owns the channel, otherwise to the channel itself.
 *
 * @throws {CallError} if it cannot be connected to.
 */
export function connectChannel(
  { path, hostd, open }: AgentChannel,
  options: ClientOptions = {},
): Promise<AgentClient> {
  if (open !== undefined) {
    return Promise.resolve(AgentClient.over(open(), { ...options, vm: path }));
  }
  return hostd === undefined
    ? AgentClient.connect(path, options)
    // The daemon has the lock.
    : AgentClient.connect(hostd, { ...options, lockAs: undefined, vm: path });
}
