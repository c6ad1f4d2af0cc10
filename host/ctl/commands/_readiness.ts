/**
 * Waiting until the agents of a fleet's VMs answer again.
 *
 * @module
 */

import { CallError } from "../../errors.ts";
import type { FleetClient, FleetVm } from "../../fleet/client.ts";
import { fanOut, type FanOutOptions } from "../../fleet/fan_out.ts";
import { sleep } from "../../sleep.ts";

const READY = { timeoutMs: 2000, pauseMs: 1000, giveUpMs: 600_000 } as const;

/** Waits until VMs answer, for up to ten minutes; resolves to those that do not. */
export async function notReady(
  client: FleetClient,
  vms: readonly FleetVm[],
  limits: Pick<FanOutOptions, "parallel" | "perHost">,
  signal: AbortSignal,
): Promise<readonly FleetVm[]> {
  const giveUpAt = performance.now() + READY.giveUpMs;
  const isStopped = () => performance.now() > giveUpAt || signal.aborted;
  const waiting = new Set(vms);
  for (;;) {
    const listed = await currentVms(client);
    await fanOut([...waiting], { ...limits, isStopped }, async (vm) => {
      // The daemon may have been restarted, too.
      const current = listed.get(keyOf(vm));
      if (current === undefined) return;
      const options = { timeoutMs: READY.timeoutMs, signal };
      const ping = client.call(current, "ping", {}, options);
      if (await ping.then(() => true, () => false)) waiting.delete(vm);
    });
    if (waiting.size === 0 || isStopped()) return [...waiting];
    await sleep(READY.pauseMs, signal);
  }
}

/** The VMs of the hosts that answer now. */
async function currentVms(client: FleetClient): Promise<ReadonlyMap<string, FleetVm>> {
  try {
    const { vms } = await client.list();
    return new Map(vms.map((vm) => [keyOf(vm), vm]));
  } catch (error) {
    if (error instanceof CallError) return new Map();
    throw error;
  }
}

const keyOf = ({ host, id }: FleetVm) => `${host}/${id}`;
