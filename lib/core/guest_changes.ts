/**
 * Compares what was seen of the guest with what is seen now: the differences are events.
 *
 * Pure functions; {@link GuestWatcher} looks.
 *
 * @module
 */

import type { Filesystem } from "../guest/facts.ts";
import type { QuickLook, SlowLook } from "../guest/watch.ts";
import type { NewEvent } from "./event_types.ts";

/** A jump of a clock that is no accident, in seconds: the hardware clock counts whole ones. */
const JUMP_SECONDS = 3;
/** How much emptier than the threshold a file system gets before it is full again, in percent. */
const RELIEF_PERCENT = 2;
/** More changes of the network at once are one event. */
const MAX_NETWORK_EVENTS = 20;

/** A look at the clocks, in seconds. */
export interface Clocks {
  /** Never jumps, and stands still while the guest does not run. */
  readonly monotonic: number;
  readonly system: number;
  readonly hardware?: number;
}

/** The network's events between two looks. */
export function networkChanges(before: QuickLook, now: QuickLook): NewEvent[] {
  const events = [...linkChanges(before, now), ...addressChanges(before, now)];
  if (events.length <= MAX_NETWORK_EVENTS) return events;
  const more = events.length - MAX_NETWORK_EVENTS;
  return [
    ...events.slice(0, MAX_NETWORK_EVENTS),
    { type: "network", event: "network.more_changes", data: { count: more } },
  ];
}

function* linkChanges(
  { links: before }: QuickLook,
  { links: now }: QuickLook,
): Generator<NewEvent> {
  if (before === undefined || now === undefined) return;
  const type = "network" as const;
  for (const [name, state] of now) {
    const was = before.get(name);
    if (was === undefined) yield { type, event: "network.link_added", data: { name, state } };
    else if (was !== state) {
      yield { type, event: "network.link_changed", data: { name, state, was } };
    }
  }
  for (const name of before.keys()) {
    if (!now.has(name)) yield { type, event: "network.link_removed", data: { name } };
  }
}

function* addressChanges(
  { addresses: before }: QuickLook,
  { addresses: now }: QuickLook,
): Generator<NewEvent> {
  if (before === undefined || now === undefined) return;
  const dataOf = (text: string) => {
    const [name = "", address = ""] = text.split(" ", 2);
    return { name, address };
  };
  for (
    const [event, some, others] of [
      ["network.address_added", now, before],
      ["network.address_removed", before, now],
    ] as const
  ) {
    for (const one of some) {
      if (!others.has(one)) yield { type: "network", event, data: dataOf(one) };
    }
  }
}

/**
 * The clocks' events between two looks.
 *
 * While the guest does not run, only the hardware clock goes on: that shows a pause, a suspension or
 * a migration, also if the system clock was corrected since. A hardware clock that was set to the
 * system's time jumps as well, but then the two agree.
 */
export function clockChanges(before: Clocks, now: Clocks): NewEvent[] {
  const elapsed = now.monotonic - before.monotonic;
  const jump = now.system - before.system - elapsed;
  const events: NewEvent[] = [];
  if (before.hardware !== undefined && now.hardware !== undefined) {
    const away = now.hardware - before.hardware - elapsed;
    const wasSet = Math.abs(jump) < JUMP_SECONDS &&
      Math.abs(now.hardware - now.system) < JUMP_SECONDS &&
      Math.abs(before.hardware - before.system) >= JUMP_SECONDS;
    if (away >= JUMP_SECONDS && !wasSet) {
      const data = { away_seconds: Math.round(away) };
      events.push({ type: "guest", event: "guest.resumed", data });
    }
  }
  if (Math.abs(jump) >= JUMP_SECONDS) {
    const data = { seconds: Math.round(jump) };
    events.push({ type: "clock", event: "clock.jumped", data });
  }
  return events;
}

/**
 * The events of file systems, and which ones are full now.
 *
 * @param full The mount points that were full; `undefined` at the first look.
 */
export function filesystemChanges(
  full: ReadonlySet<string> | undefined,
  filesystems: readonly Pick<Filesystem, "mount_point" | "used_percent" | "available_bytes">[],
  percent: number,
): { readonly events: readonly NewEvent[]; readonly full: ReadonlySet<string> } {
  const events: NewEvent[] = [];
  const fullNow = new Set<string>();
  for (const { mount_point, used_percent, available_bytes } of filesystems) {
    const wasFull = full?.has(mount_point) ?? false;
    const isFull = used_percent >= (wasFull ? percent - RELIEF_PERCENT : percent);
    if (isFull) fullNow.add(mount_point);
    if (isFull === wasFull) continue;
    const data = { mount_point, used_percent, available_bytes };
    events.push({
      type: "filesystem",
      event: isFull ? "filesystem.full" : "filesystem.relieved",
      data: full === undefined ? { ...data, at_start: true } : data,
    });
  }
  return { events, full: fullNow };
}

/**
 * The events of memory and units between two looks.
 *
 * @param before `undefined` at the first look.
 */
export function slowChanges(before: SlowLook | undefined, now: SlowLook): NewEvent[] {
  const events: NewEvent[] = [];
  const killed = (now.memoryKills ?? 0) - (before?.memoryKills ?? now.memoryKills ?? 0);
  if (killed > 0) events.push({ type: "memory", event: "memory.out", data: { killed } });
  for (const unit of now.failedUnits ?? []) {
    if (before?.failedUnits?.includes(unit)) continue;
    const data = before === undefined ? { unit, at_start: true } : { unit };
    events.push({ type: "unit", event: "unit.failed", data });
  }
  return events;
}
