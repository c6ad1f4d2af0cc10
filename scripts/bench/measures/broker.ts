import { request } from "../agent.ts";
import type { Measure } from "../measure.ts";
import { start } from "../start.ts";
import { median } from "../stats.ts";
import { timeEach } from "./latency.ts";

const CALLS = { warmUp: 2, measured: 10 } as const;
const US_PER_MS = 1000;
const LABEL = "fs_freeze_status, by a broker started for it, median";

/**
 * The broker: from a request to its answer, with the process of root's that is started for it. Only
 * root can measure it, as brokers believe only root's configuration.
 */
export const brokerLatency: Measure = {
  name: "broker",
  rows: [{ label: LABEL, unit: "ms" }],
  run: async ({ peer, scratch }) => {
    if (peer.withBroker === undefined || Deno.uid() !== 0) return {};
    await using started = await start(await peer.withBroker(), scratch);
    const { caller } = started;
    const times = await timeEach(() => caller.call(request("fs_freeze_status")), CALLS);
    return { [LABEL]: median(times) / US_PER_MS };
  },
};
