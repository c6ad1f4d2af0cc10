/**
 * Collects current facts from every agent of a pool, each kind at its own interval.
 *
 * @module
 */

import type { PoolAgent } from "../member.ts";
import type { ResultOf } from "../protocol.ts";

/** What is known about a guest; each part as of its last answer. */
export interface VmFacts {
  system?: ResultOf<"get_system_info">;
  network?: ResultOf<"get_network_info">;
  disks?: ResultOf<"get_disk_usage">;
}

/** The interval of each, in milliseconds: longer for facts that take the guest a process. */
const INTERVALS_MS = { system: 2000, disks: 15_000, network: 30_000 } as const;
const TIMEOUT_MS = 5000;

type Part = keyof typeof INTERVALS_MS;

interface Known extends VmFacts {
  readonly askAt: Record<Part, number>;
  readonly asking: Set<Part>;
}

/** Queries the agents and keeps their answers. */
export class Collector {
  readonly #known = new WeakMap<PoolAgent, Known>();

  /** @param signal Aborts all calls. */
  constructor(readonly signal: AbortSignal) {}

  /** What is known about a VM. */
  factsOf(agent: PoolAgent): VmFacts {
    const known = this.#known.get(agent);
    return { ...known, system: known?.system ?? agent.system };
  }

  /** Queries what is due and not already in progress. */
  collect(agents: readonly PoolAgent[], now: number): void {
    for (const agent of agents) {
      if (agent.state !== "ready") continue;
      const known = this.#known.get(agent) ??
        { askAt: { system: 0, disks: 0, network: 0 }, asking: new Set<Part>() };
      this.#known.set(agent, known);
      const options = { timeoutMs: TIMEOUT_MS, signal: this.signal };
      this.#ask(known, "system", now, async () => {
        known.system = await agent.call("get_system_info", {}, options);
      });
      this.#ask(known, "disks", now, async () => {
        known.disks = await agent.call("get_disk_usage", {}, options);
      });
      this.#ask(known, "network", now, async () => {
        known.network = await agent.call("get_network_info", {}, options);
      });
    }
  }

  #ask(known: Known, part: Part, now: number, ask: () => Promise<void>): void {
    if (known.asking.has(part) || now < known.askAt[part]) return;
    known.asking.add(part);
    known.askAt[part] = now + INTERVALS_MS[part];
    // The last answer stays on the screen; the pool notices when the agent is gone.
    void ask().catch(() => {}).finally(() => known.asking.delete(part));
  }
}
