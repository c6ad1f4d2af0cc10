/**
 * The screen of `top`, as lines.
 *
 * @module
 */

import { bytesText, countText, durationText, fit } from "../ctl/format.ts";
import { printable } from "../ctl/printable.ts";
import type { PoolAgent } from "../member.ts";
import type { VmFacts } from "./collector.ts";
import { sorted, type SortKey, type View, type VmRow } from "./model.ts";

/** Columns and rows of a terminal. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const STYLE = {
  reset: "\x1b[0m",
  bold: "\x1b[1m",
  reverse: "\x1b[7m",
  red: "\x1b[31m",
  dim: "\x1b[2m",
};
const KEYS = "q quit  ↑↓ select  Enter details  n s u l m d sort  r reverse";
const DETAIL_KEYS = "Esc back  q back  ↑↓ next VM";
/** At and above this, a number is highlighted. */
const ALARM_PERCENT = 90;

interface Column {
  readonly title: string;
  readonly sort?: SortKey;
  readonly columns: number;
  readonly align: "left" | "right";
  readonly cell: (row: VmRow) => string;
}

const percent = (value: number | undefined) => value === undefined ? "" : `${value.toFixed(0)}%`;

const COLUMNS: readonly Column[] = [
  { title: "STATE", sort: "state", columns: 11, align: "left", cell: ({ state }) => state },
  {
    title: "UPTIME",
    sort: "uptime",
    columns: 8,
    align: "right",
    cell: ({ uptimeSeconds: time }) => time === undefined ? "" : durationText(time),
  },
  {
    title: "LOAD",
    sort: "load",
    columns: 6,
    align: "right",
    cell: ({ load }) => load?.toFixed(2) ?? "",
  },
  {
    title: "MEM",
    sort: "memory",
    columns: 4,
    align: "right",
    cell: (row) => percent(row.memoryPercent),
  },
  {
    title: "DISK",
    sort: "disk",
    columns: 4,
    align: "right",
    cell: ({ diskPercent }) => percent(diskPercent),
  },
  { title: "ADDRESS", columns: 15, align: "left", cell: ({ address }) => address ?? "" },
  { title: "OS", columns: 30, align: "left", cell: ({ os, problem }) => os ?? problem ?? "" },
];
const LEAST_NAME_COLUMNS = 12;

/** The table, as exactly `size.rows` lines. */
export function tableScreen(rows: readonly VmRow[], view: View, size: Size, now: string): string[] {
  const order = sorted(rows, view);
  const room = Math.max(1, size.rows - 3);
  const selectedAt = Math.max(0, order.findIndex(({ key }) => key === view.selected));
  const first = Math.max(0, Math.min(selectedAt - Math.floor(room / 2), order.length - room));
  const shown = order.slice(first, first + room);
  const columns = fitting(size.columns);
  const nameColumns = size.columns - columns.reduce((sum, column) => sum + column.columns + 1, 0);
  const count = (state: VmRow["state"]) => rows.filter((row) => row.state === state).length;
  const summary = `${countText(rows.length, "VM")}: ${count("ready")} ready, ${
    count("unavailable")
  } unavailable, ${count("connecting")} connecting`;
  const arrow = view.isReversed ? "▲" : "▼";
  const title = (text: string, sort?: SortKey) => sort === view.sort ? `${text}${arrow}` : text;
  const heading = [
    fit(title("NAME", "name"), nameColumns),
    ...columns.map((column) => fit(title(column.title, column.sort), column.columns, column.align)),
  ].join(" ");
  const lines = shown.map((row) => {
    const cells = columns.map((column) =>
      marked(row, column, fit(printable(column.cell(row)), column.columns, column.align))
    );
    const line = [fit(printable(row.name), nameColumns), ...cells].join(" ");
    return row.key === view.selected ? `${STYLE.reverse}${line}${STYLE.reset}` : line;
  });
  return screen(
    [
      fit(`${summary}${" ".repeat(4)}${now}`, size.columns),
      `${STYLE.bold}${heading}${STYLE.reset}`,
      ...lines,
    ],
    KEYS,
    size,
  );
}

/** As many columns, from the left, as fit beside the name. */
function fitting(width: number): Column[] {
  const kept: Column[] = [];
  let left = width - LEAST_NAME_COLUMNS;
  for (const column of COLUMNS) {
    if (left < column.columns + 1) break;
    kept.push(column);
    left -= column.columns + 1;
  }
  return kept;
}

function marked(row: VmRow, { sort }: Column, text: string): string {
  const isAlarm = sort === "state" && row.state === "unavailable" ||
    sort === "memory" && (row.memoryPercent ?? 0) >= ALARM_PERCENT ||
    sort === "disk" && (row.diskPercent ?? 0) >= ALARM_PERCENT;
  // Not a full reset: the selected row stays reversed.
  return isAlarm ? `${STYLE.red}${text}\x1b[39m` : text;
}

/** One VM, as exactly `size.rows` lines. */
export function detailScreen(agent: PoolAgent, facts: VmFacts, size: Size): string[] {
  const { system, network, disks } = facts;
  const pairs: (readonly [string, string])[] = [
    ["state", agent.problem === undefined ? agent.state : `${agent.state}: ${agent.problem}`],
    ["socket", agent.path],
    ["agent", agent.info === undefined ? "" : `${agent.info.version} (${agent.info.platform})`],
    ["host name", system?.hostname ?? ""],
    ["system", system === undefined ? "" : `${system.os_name} ${system.os_version}`],
    ["kernel", system === undefined ? "" : `${system.kernel_version} ${system.architecture}`],
    ["up for", system === undefined ? "" : durationText(system.uptime_seconds)],
    ["load", system?.load_average?.map((load) => load.toFixed(2)).join(" ") ?? ""],
    ["processors", system === undefined ? "" : String(system.cpu_count)],
    ["memory", system === undefined ? "" : bytesText(system.total_memory_kb * 1024)],
    ...(network?.interfaces ?? []).map((one) =>
      [one.name, [one.state, ...one.ipv4_addresses, ...one.ipv6_addresses].join(" ")] as const
    ),
    ...(disks?.filesystems ?? []).map((one) =>
      [one.mount_point, `${one.used_percent.toFixed(1)}% of ${bytesText(one.total_bytes)}`] as const
    ),
  ];
  const lines = pairs.map(([name, value]) =>
    fit(`${fit(printable(name), 16)}  ${printable(value)}`, size.columns)
  );
  const title = `${STYLE.bold}${fit(printable(agent.name), size.columns)}${STYLE.reset}`;
  return screen([title, "", ...lines], DETAIL_KEYS, size);
}

/** Pads or truncates to the screen, with a line of keys at the bottom. */
function screen(lines: readonly string[], keys: string, { columns, rows }: Size): string[] {
  const body = Array.from({ length: Math.max(0, rows - 1) }, (_, index) => lines[index] ?? "");
  return [...body, `${STYLE.dim}${fit(keys, columns)}${STYLE.reset}`];
}
