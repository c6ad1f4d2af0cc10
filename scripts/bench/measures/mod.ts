/**
 * The one list of what is measured.
 *
 * @module
 */

import type { Measure } from "../measure.ts";
import { commandMonitor } from "./command_monitor.ts";
import { fileRead, fileWrite } from "./files.ts";
import { idleCosts } from "./idle.ts";
import { execLatency, pingLatency, systemInfoLatency } from "./latency.ts";
import { peakMemory } from "./peak.ts";
import { pipelinedPings } from "./pipelined.ts";
import { startTime } from "./start.ts";
import { pingUnderLoad } from "./under_load.ts";

/** All measures, in the order of the table. */
export const MEASURES: readonly Measure[] = [
  pingLatency,
  pipelinedPings,
  systemInfoLatency,
  execLatency,
  fileRead,
  fileWrite,
  pingUnderLoad,
  startTime,
  idleCosts,
  peakMemory,
  commandMonitor,
];
