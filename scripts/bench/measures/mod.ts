/**
 * The list of all measures.
 *
 * @module
 */

import type { Measure } from "../measure.ts";
import { brokerLatency } from "./broker.ts";
import { commandMonitor } from "./command_monitor.ts";
import { fileRead, fileWrite, wholeWrite } from "./files.ts";
import { idleCosts } from "./idle.ts";
import { jobFlow } from "./jobs.ts";
import {
  diskUsageLatency,
  execLatency,
  networkInfoLatency,
  pingLatency,
  systemInfoLatency,
} from "./latency.ts";
import { peakMemory } from "./peak.ts";
import { pipelinedPings } from "./pipelined.ts";
import { QGA_LANGUAGE } from "./qga.ts";
import { startTime } from "./start.ts";
import { pingUnderLoad } from "./under_load.ts";
import { WORST_LOADS } from "./worst_loads.ts";

/** All measures, in the order of the table. */
export const MEASURES: readonly Measure[] = [
  pingLatency,
  pipelinedPings,
  systemInfoLatency,
  networkInfoLatency,
  diskUsageLatency,
  execLatency,
  fileRead,
  fileWrite,
  wholeWrite,
  jobFlow,
  pingUnderLoad,
  startTime,
  idleCosts,
  peakMemory,
  ...WORST_LOADS,
  commandMonitor,
  brokerLatency,
  ...QGA_LANGUAGE,
];
