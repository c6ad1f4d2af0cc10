/**
 * The methods that the daemon answers itself.
 *
 * @module
 */

import * as z from "zod";
import { invalidParams } from "../../lib/base/errors.ts";
import { VERSION } from "../../lib/base/version.ts";
import type { Host } from "./host.ts";
import type { HostVm } from "./vm.ts";

/** What the daemon's own methods need. */
export interface Daemon {
  readonly host: Host;
  /** The number of connected clients. */
  readonly clients: number;
  /** Calls to agents that are not answered. */
  readonly callsInFlight: number;
}

type Run = (daemon: Daemon, params: unknown, signal: AbortSignal) => unknown;

const MAX_WAIT_SECONDS = 60;
const EVENTS = { most: 1000, usual: 100 } as const;

const NoParams = z.strictObject({});

const WatchParams = z.strictObject({
  cursor: z.optional(z.string()),
  wait_seconds: z._default(z.number().check(z.gte(0), z.lte(MAX_WAIT_SECONDS)), 0),
  max_events: z._default(z.int().check(z.gte(1), z.lte(EVENTS.most)), EVENTS.usual),
  vm: z.optional(z.string()),
});

/** The daemon's methods by name. All of them only look. */
export const OWN_METHODS: ReadonlyMap<string, Run> = new Map<string, Run>([
  ["hostd_info", ({ host, clients, callsInFlight }, params) => {
    read(NoParams, params);
    return {
      version: VERSION,
      pid: Deno.pid,
      vms: host.vms.length,
      clients,
      calls_in_flight: callsInFlight,
      problems: host.problems,
    };
  }],
  ["vm_list", ({ host }, params) => {
    read(NoParams, params);
    // Before the list: an event may come twice, but none is missed.
    const { cursor } = host.journal;
    return { vms: host.vms.map(describeVm), cursor };
  }],
  ["vm_watch", ({ host }, params, signal) => {
    const { cursor, wait_seconds, max_events, vm } = read(WatchParams, params);
    return host.journal.read({
      cursor,
      waitSeconds: wait_seconds,
      maxEvents: max_events,
      vm: vm === undefined ? undefined : host.find(vm).id,
    }, signal);
  }],
]);

/** A VM as clients get it. */
function describeVm({ id, name, domain, agent }: HostVm): Record<string, unknown> {
  return {
    id,
    name,
    socket: agent.path,
    state: agent.state,
    problem: agent.problem,
    uuid: domain?.uuid,
    title: domain?.title,
    domain_state: domain?.state,
    labels: domain?.labels ?? {},
    info: agent.info,
    system: agent.system,
  };
}

/** @throws {RpcError} -32602 with the first problem. */
function read<T>(schema: z.ZodMiniType<T>, params: unknown): T {
  const { data, error } = z.safeParse(schema, params);
  if (data !== undefined) return data;
  const [issue] = error?.issues ?? [];
  const where = issue?.path.join(".") || "params";
  throw invalidParams(`${where}: ${issue?.message}`, { params: [where] });
}
