/**
 * The rows of `top`, and their order.
 *
 * @module
 */

import type { PoolAgent } from "../member.ts";
import { fullestDisk, mainAddress, memoryPercent } from "../overview.ts";
import type { VmFacts } from "./collector.ts";

/** A row of the table; unknown values are `undefined`. */
export interface VmRow {
  readonly key: string;
  readonly name: string;
  readonly state: PoolAgent["state"];
  readonly problem: string | undefined;
  readonly os: string | undefined;
  readonly address: string | undefined;
  readonly uptimeSeconds: number | undefined;
  readonly load: number | undefined;
  readonly memoryPercent: number | undefined;
  readonly diskPercent: number | undefined;
  readonly diskMount: string | undefined;
}

/** What rows can be sorted by. */
export const SORT_KEYS = ["name", "state", "uptime", "load", "memory", "disk"] as const;

/** One of {@link SORT_KEYS}. */
export type SortKey = (typeof SORT_KEYS)[number];

/** What the user has selected. */
export interface View {
  readonly sort: SortKey;
  readonly isReversed: boolean;
  /** The key of the selected row. */
  readonly selected: string | undefined;
  /** Whether the details of the selected VM are shown. */
  readonly isDetailed: boolean;
}

/** The view at the start. */
export const FIRST_VIEW: View = {
  sort: "name",
  isReversed: false,
  selected: undefined,
  isDetailed: false,
};

/** The row of an agent. */
export function rowOf(agent: PoolAgent, { system, network, disks }: VmFacts): VmRow {
  const disk = disks === undefined ? undefined : fullestDisk(disks.filesystems);
  return {
    key: agent.path,
    name: agent.name,
    state: agent.state,
    problem: agent.problem,
    os: system === undefined ? undefined : `${system.os_name} ${system.os_version}`,
    address: network === undefined ? undefined : mainAddress(network.interfaces),
    uptimeSeconds: system?.uptime_seconds,
    load: system?.load_average?.[0],
    memoryPercent: system === undefined ? undefined : memoryPercent(system),
    diskPercent: disk?.used_percent,
    diskMount: disk?.mount_point,
  };
}

const STATE_ORDER: Readonly<Record<PoolAgent["state"], number>> = {
  unavailable: 0,
  connecting: 1,
  ready: 2,
};

/** Numbers are sorted largest first, so that what needs attention is at the top. */
const NUMBER_OF: Readonly<Record<Exclude<SortKey, "name">, (row: VmRow) => number | undefined>> = {
  state: ({ state }) => -STATE_ORDER[state],
  uptime: ({ uptimeSeconds }) => uptimeSeconds,
  load: ({ load }) => load,
  memory: (row) => row.memoryPercent,
  disk: ({ diskPercent }) => diskPercent,
};

/** The rows in the order of the view; unknown values come last in either direction. */
export function sorted(rows: readonly VmRow[], { sort, isReversed }: View): VmRow[] {
  const byName = (a: VmRow, b: VmRow) =>
    a.name < b.name || a.name === b.name && a.key < b.key ? -1 : 1;
  const sign = isReversed ? -1 : 1;
  if (sort === "name") return rows.toSorted((a, b) => sign * byName(a, b));
  const numberOf = NUMBER_OF[sort];
  return rows.toSorted((a, b) => {
    const [left, right] = [numberOf(a), numberOf(b)];
    if (left === right) return byName(a, b);
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    return sign * (right - left);
  });
}
