/**
 * Fresh facts of every agent of a pool, asked for at different paces.
 *
 * @module
 */

import type { PoolAgent } from "../member.ts";
import type { ResultOf } from "../protocol.ts";

/** What is known of a guest by now; each part as it was told last. */
export interface VmFacts {
  system?: ResultOf<"get_system_info">;
  network?: ResultOf<"get_network_info">;
  disks?: ResultOf<"get_disk_usage">;
}

/** How often each is asked for, in milliseconds: what costs the guest a process is asked seldom. */
const PACES = { system: 2000, disks: 15_000, network: 30_000 } as const;
const TIMEOUT_MS = 5000;

type Part = keyof typeof PACES;

interface Known extends VmFacts {
  readonly askAt: Record<Part, number>;
  readonly asking: Set<Part>;
}

/** Asks the agents and remembers. */
export class Collector {
  readonly #known = new WeakMap<PoolAgent, Known>();

  /** @param signal Ends all calls. */
  constructor(readonly signal: AbortSignal) {}

  /** What is known of a VM. */
  factsOf(agent: PoolAgent): VmFacts {
    const known = this.#known.get(agent);
    return { ...known, system: known?.system ?? agent.system };
  }

  /** Asks what is due; calls that are under way are not made again. */
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
    known.askAt[part] = now + PACES[part];
    // What was told last is shown on; the pool tells when the agent is gone.
    void ask().catch(() => {}).finally(() => known.asking.delete(part));
  }
}
