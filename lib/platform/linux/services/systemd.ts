/**
 * Services that systemd manages, as systemctl(1) shows them.
 *
 * @module
 */

import { commandFailed, notFound } from "../../../base/errors.ts";
import {
  type Service,
  SERVICE_STATES,
  type Services,
  type ServiceState,
  type ServiceStatus,
} from "../../../guest/services.ts";
import { systemdService } from "../../../policy/service_names.ts";
import type { RunScript } from "./run_script.ts";

const LISTED = [
  "Id",
  "Description",
  "ActiveState",
  "SubState",
  "UnitFileState",
  "MainPID",
] as const;
const SHOWN = [
  ...LISTED,
  "Names",
  "LoadState",
  "Result",
  "ExecMainStatus",
  "NRestarts",
  "MemoryCurrent",
  "CPUUsageNSec",
  "TasksCurrent",
  "ActiveEnterTimestamp",
] as const;
/** What systemd prints for a number that it does not know: 2^64 - 1. */
const UNKNOWN_NUMBER = "18446744073709551615";
const NANOSECONDS_PER_SECOND = 1_000_000_000;
const MS_PER_SECOND = 1000;

/** $1: the properties; $2: a unit or a pattern of units. The time zone is that of the timestamps. */
const SHOW = `
TZ=UTC systemctl show --no-pager --property="$1" -- "$2" 2>&1
`;

/** Asks systemctl(1). */
export class SystemdServices implements Services {
  readonly manager = "systemd";
  readonly #run: RunScript;

  constructor(run: RunScript) {
    this.#run = run;
  }

  async list(signal: AbortSignal): Promise<Service[]> {
    const units = parseUnits(await this.#show(LISTED, "*.service", signal));
    return units.map(serviceOf).sort((a, b) => a.name < b.name ? -1 : 1);
  }

  async status(name: string, signal: AbortSignal): Promise<ServiceStatus> {
    const unit = systemdService(name);
    const [found] = parseUnits(await this.#show(SHOWN, unit, signal));
    if (found === undefined || found.get("LoadState") === "not-found") {
      throw notFound(`there is no service ${unit}`, { name: unit });
    }
    return statusOf(found);
  }

  async #show(
    properties: readonly string[],
    unit: string,
    signal: AbortSignal,
  ): Promise<string> {
    const text = await this.#run(SHOW, [properties.join(","), unit], signal);
    // A running systemd always has services; without it there is one line that says why.
    if (/^[A-Za-z]+=/m.test(text)) return text;
    throw commandFailed(`systemctl failed: ${text.trim().split("\n")[0] ?? ""}`);
  }
}

/** Parses blocks of lines `NAME=VALUE`, separated by empty lines. */
export function parseUnits(text: string): ReadonlyMap<string, string>[] {
  return text.split(/\n{2,}/).map((block) =>
    new Map(
      block.split("\n").flatMap((line) => {
        const at = line.indexOf("=");
        return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
      }),
    )
  ).filter((unit) => unit.has("Id"));
}

function serviceOf(unit: ReadonlyMap<string, string>): Service {
  const text = (name: string) => unit.get(name) || undefined;
  const mainPid = Number(unit.get("MainPID") ?? 0);
  const detail = text("SubState");
  const description = text("Description");
  const startup = text("UnitFileState");
  return {
    name: unit.get("Id") ?? "",
    state: stateOf(unit.get("ActiveState")),
    ...(detail && { detail }),
    ...(description && { description }),
    ...(startup && { startup }),
    ...(mainPid > 0 ? { mainPid } : {}),
  };
}

const stateOf = (word: string | undefined): ServiceState =>
  SERVICE_STATES.find((state) => state === word) ?? "unknown";

function statusOf(unit: ReadonlyMap<string, string>): ServiceStatus {
  const number = (name: string) => {
    const value = unit.get(name) ?? "";
    return /^\d+$/.test(value) && value !== UNKNOWN_NUMBER ? Number(value) : undefined;
  };
  const service = serviceOf(unit);
  const cpu = number("CPUUsageNSec");
  // Such as "Sat 2026-11-21 18:50:00 UTC".
  const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/.exec(
    unit.get("ActiveEnterTimestamp") ?? "",
  ) ?? [];
  const optional = {
    result: unit.get("Result") || undefined,
    exitStatus: number("ExecMainStatus"),
    restarts: number("NRestarts"),
    memoryBytes: number("MemoryCurrent"),
    cpuSeconds: cpu === undefined ? undefined : cpu / NANOSECONDS_PER_SECOND,
    tasks: number("TasksCurrent"),
    activeSince: day === undefined ? undefined : Date.parse(`${day}T${time}Z`) / MS_PER_SECOND,
  };
  return {
    ...service,
    aliases: (unit.get("Names") ?? "").split(" ").filter((name) =>
      name !== "" && name !== service.name
    ),
    ...optional,
  };
}
