/**
 * One call on many VMs of a fleet.
 *
 * @module
 */

import { multiple, object, option, optional, string, withDefault } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { messageOf } from "../../../lib/base/message_of.ts";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import { AnswerError, CallError, isOutcomeUnknown } from "../../errors.ts";
import { batchesOf, fanOut } from "../../fleet/fan_out.ts";
import type { FleetVm } from "../../fleet/client.ts";
import { type Invocation, lines, wholeNumber } from "../command.ts";
import { EXIT } from "../exit.ts";
import { Interrupted } from "../explain.ts";
import { fleetVms } from "../fleet.ts";
import { fit, table } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { notReady } from "./_readiness.ts";

const DEFAULTS = { parallel: 64, perHost: 8 } as const;
const LABEL_REGEXP = /^([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/s;
const BATCH_REGEXP = /^([1-9]\d{0,5}|[1-9]\d?%|100%)$/;
const DETAIL_COLUMNS = 60;

/** The options that choose VMs of a fleet by their labels. */
export const labelOption = multiple(option("-l", "--label", string({ metavar: "K=V" }), {
  description: lines(["with --fleet, the VMs with this label; given repeatedly, with all of them"]),
}));

/** The options of commands that can act on many VMs. */
export const fanOutOptions = object({
  labels: labelOption,
  all: option("--all", { description: lines(["with --fleet, every VM"]) }),
  parallel: withDefault(
    option("--parallel", wholeNumber(1, 1000), {
      description: lines([`runs on at most N VMs at a time (default ${DEFAULTS.parallel})`]),
    }),
    DEFAULTS.parallel,
  ),
  perHost: withDefault(
    option("--per-host", wholeNumber(1, 1000), {
      description: lines([
        `runs on at most N VMs of one host at a time (default ${DEFAULTS.perHost})`,
      ]),
    }),
    DEFAULTS.perHost,
  ),
  batch: optional(option("--batch", string({ metavar: "N" }), {
    description: lines(["finishes N VMs, or N% of them, before it begins with the next"]),
  })),
  maxFailures: optional(option("--max-failures", wholeNumber(0, 999_999), {
    description: lines(["begins nothing more once more than N VMs have failed"]),
  })),
  waitReady: option("--wait-ready", {
    description: lines(["after each batch, waits until its agents answer, for up to ten minutes"]),
  }),
});

/** What {@link fanOutOptions} gives. */
export interface FanOutChoice {
  readonly labels: readonly string[];
  readonly all: boolean;
  readonly parallel: number;
  readonly perHost: number;
  readonly batch: string | undefined;
  readonly maxFailures: number | undefined;
  readonly waitReady: boolean;
}

/** The call that is made on each VM. */
export interface FanOutCall {
  readonly method: string;
  readonly params: unknown;
  readonly timeoutMs: number;
  /** How a result is told; by default as JSON. `isOk` counts, `detail` is for the table. */
  readonly judge?: (result: unknown, vm: FleetVm) => { readonly isOk: boolean; detail: string };
}

type Outcome = "ok" | "failed" | "unknown" | "not begun";

interface Row {
  readonly vm: FleetVm;
  readonly outcome: Outcome;
  readonly detail: string;
}

/**
 * Whether the command line chooses VMs of a fleet, instead of naming one.
 *
 * @throws {UsageError} if the options contradict each other.
 */
export function isFanOut({ labels, all, batch }: FanOutChoice, invocation: Invocation): boolean {
  const isChosen = labels.length > 0 || all;
  if (isChosen && invocation.fleet === undefined) {
    throw new UsageError("--label and --all choose VMs of a fleet: give --fleet");
  }
  if (isChosen && invocation.domain !== undefined) {
    throw new UsageError("--domain names one VM; leave out --label and --all");
  }
  if (batch !== undefined && !BATCH_REGEXP.test(batch)) {
    throw new UsageError(`--batch must be a number of VMs or a percentage, received "${batch}"`);
  }
  return isChosen;
}

/**
 * The VMs that have all labels.
 *
 * @throws {UsageError} if a label is none.
 */
export function withLabels(vms: readonly FleetVm[], labels: readonly string[]): FleetVm[] {
  const wanted = labels.map((label) => {
    const [, name, value] = LABEL_REGEXP.exec(label) ?? [];
    if (name === undefined) throw new UsageError(`--label must be NAME=VALUE, received "${label}"`);
    return { name, value };
  });
  return vms.filter(({ labels }) =>
    wanted.every(({ name, value }) => Object.hasOwn(labels, name) && labels[name] === value)
  );
}

/** Makes a call on every chosen VM, and tells what became of each. */
export async function callMany(
  call: FanOutCall,
  choice: FanOutChoice,
  invocation: Invocation,
): Promise<number> {
  const { fleet, json, signal } = invocation;
  if (fleet === undefined) throw new UsageError("--label and --all need --fleet");
  const client = await fleet.connect();
  const vms = withLabels(await fleetVms(fleet), choice.labels);
  if (vms.length === 0) throw new CallError("no VM of the fleet has these labels", "no socket");
  const rows: Row[] = [];
  const tell = (vm: FleetVm, outcome: Outcome, detail: string, more: object = {}) => {
    rows.push({ vm, outcome, detail });
    const { host, name, id } = vm;
    if (json) printLine(printableJson({ host, vm: name, id, outcome, ...more }));
  };
  const failures = () => rows.filter(({ outcome }) => outcome !== "ok").length;
  const isStopped = () => signal.aborted || failures() > (choice.maxFailures ?? Infinity);
  const work = async (vm: FleetVm) => {
    try {
      const { timeoutMs } = call;
      const result = await client.call(vm, call.method, call.params, { timeoutMs, signal });
      const { isOk, detail } = call.judge?.(result, vm) ??
        { isOk: true, detail: JSON.stringify(result) };
      tell(vm, isOk ? "ok" : "failed", detail, { result });
    } catch (error) {
      const isUnknown = error instanceof Interrupted || isOutcomeUnknown(error);
      const reason = error instanceof AnswerError ? error.reason : messageOf(error);
      tell(vm, isUnknown ? "unknown" : "failed", reason, {
        error: error instanceof AnswerError ? error : { message: reason },
      });
    }
  };
  const { parallel, perHost } = choice;
  const notBegun: FleetVm[] = [];
  let late: readonly FleetVm[] = [];
  for (const batch of batchesOf(vms, choice.batch)) {
    const isOver = () => isStopped() || late.length > 0;
    notBegun.push(...await fanOut(batch, { parallel, perHost, isStopped: isOver }, work));
    if (!choice.waitReady || isOver()) continue;
    late = await notReady(client, batch, { parallel, perHost }, signal);
  }
  for (const vm of notBegun) tell(vm, "not begun", "");
  if (!json) printTable(rows);
  if (late.length > 0) {
    const names = late.map(({ host, name }) => printable(`${host}/${name}`)).join(", ");
    printError(`kvmmanager-ctl: not ready again: ${names}`);
  }
  printError(summary(rows));
  if (signal.aborted) return EXIT.interrupted;
  return failures() === 0 && late.length === 0 ? EXIT.ok : EXIT.errorAnswer;
}

function printTable(rows: readonly Row[]): void {
  const cells = rows.map(({ vm, outcome, detail }) => [
    vm.name,
    vm.host,
    outcome,
    fit(printable(detail), DETAIL_COLUMNS).trimEnd(),
  ]);
  printLine(table(["VM", "HOST", "OUTCOME", "DETAIL"], cells));
}

function summary(rows: readonly Row[]): string {
  const count = (wanted: Outcome) => rows.filter(({ outcome }) => outcome === wanted).length;
  const parts = (["ok", "failed", "unknown", "not begun"] as const)
    .map((outcome) => `${count(outcome)} ${outcome}`);
  return `kvmmanager-ctl: ${rows.length} VMs: ${parts.join(", ")}`;
}
