import { object, option, withDefault } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import { sleep } from "../../sleep.ts";
import { Collector } from "../../top/collector.ts";
import { keysOf, press } from "../../top/keys.ts";
import { FIRST_VIEW, rowOf, type View, type VmRow } from "../../top/model.ts";
import { detailScreen, tableScreen } from "../../top/render.ts";
import { Screen } from "../../top/screen.ts";
import { defineCommand, lines, seconds } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printableJson } from "../printable.ts";
import { openPool, type WatchedAgents } from "./_pool.ts";

const DEFAULT_INTERVAL_SECONDS = 1;
const KEY_BUFFER_BYTES = 256;

/** `top`: a live table of the VMs. */
export const top = defineCommand(
  {
    name: "top",
    brief: "Shows the VMs in a live, full-screen table.",
    details: [
      "Keys: arrows or j and k select, Enter shows details, Esc goes back, n s u l m d sort by name,",
      "state, uptime, load, memory and disk, the same key again or r reverses, q quits. With --json it",
      "prints one line per interval instead and needs no terminal.",
    ],
    examples: ["top", "top --interval 5", "top --json | jq '.vms | length'"],
  },
  object({
    interval: withDefault(
      option("-i", "--interval", seconds(0.1, 3600), {
        description: lines(["the time between two updates (default 1)"]),
      }),
      DEFAULT_INTERVAL_SECONDS,
    ),
  }),
  async ({ interval }, invocation) => {
    const { json, signal } = invocation;
    if (!json && !(Deno.stdin.isTerminal() && Deno.stdout.isTerminal())) {
      throw new UsageError("top needs a terminal; use list, or top --json");
    }
    const quit = new AbortController();
    const ended = AbortSignal.any([signal, quit.signal]);
    const pool = await openPool(invocation, "list --fleet, or their metrics");
    await using _pool = pool;
    const collector = new Collector(ended);
    const intervalMs = interval * 1000;
    if (json) {
      do {
        collector.collect(pool.agents, performance.now());
        printLine(printableJson({ time: new Date().toISOString(), vms: rowsOf(pool, collector) }));
      } while (await sleep(intervalMs, ended));
    } else {
      await showTable({ pool, collector, intervalMs, ended, quit: () => quit.abort() });
    }
    return EXIT.ok;
  },
);

interface Table {
  readonly pool: WatchedAgents;
  readonly collector: Collector;
  readonly intervalMs: number;
  /** Aborted when `top` should end. */
  readonly ended: AbortSignal;
  readonly quit: () => void;
}

async function showTable({ pool, collector, intervalMs, ended, quit }: Table): Promise<void> {
  let view: View = FIRST_VIEW;
  const screen = Screen.open();
  using _screen = screen;
  // First, so that nothing slow delays it.
  ended.addEventListener("abort", () => screen.restore(), { once: true });
  const draw = () => {
    if (ended.aborted) return;
    const { size } = screen;
    const agent = view.isDetailed
      ? pool.agents.find(({ path }) => path === view.selected)
      : undefined;
    const time = new Date().toLocaleTimeString("en-GB");
    screen.draw(
      agent === undefined
        ? tableScreen(rowsOf(pool, collector), view, size, time)
        : detailScreen(agent, collector.factsOf(agent), size),
    );
  };
  Deno.addSignalListener("SIGWINCH", draw);
  void readKeys(ended, (key) => {
    const next = press(key, view, rowsOf(pool, collector));
    if (next === "quit") return quit();
    view = next;
    draw();
  }, quit);
  try {
    do {
      collector.collect(pool.agents, performance.now());
      draw();
    } while (await sleep(intervalMs, ended));
  } finally {
    Deno.removeSignalListener("SIGWINCH", draw);
  }
}

const rowsOf = (pool: WatchedAgents, collector: Collector): VmRow[] =>
  pool.agents.map((agent) => rowOf(agent, collector.factsOf(agent)));

/** Calls `onKey` for each key until `ended` is aborted or the terminal is gone. */
async function readKeys(
  ended: AbortSignal,
  onKey: (key: string) => void,
  onGone: () => void,
): Promise<void> {
  const buffer = new Uint8Array(KEY_BUFFER_BYTES);
  const decoder = new TextDecoder();
  try {
    while (!ended.aborted) {
      const read = await Deno.stdin.read(buffer);
      if (read === null) break;
      const text = decoder.decode(buffer.subarray(0, read), { stream: true });
      for (const key of keysOf(text)) {
        if (!ended.aborted) onKey(key);
      }
    }
  } catch {
    // The terminal is gone.
  }
  onGone();
}
