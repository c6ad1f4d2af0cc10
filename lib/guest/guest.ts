/**
 * The guest as the methods see it: one interface that every platform implements.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import type { CloudInit } from "./cloud_init.ts";
import type { Commands } from "./commands.ts";
import type { Facts } from "./facts.ts";
import type { Files } from "./files.ts";
import type { Inventory } from "./inventory.ts";
import type { KeptReports } from "./kept_reports.ts";
import type { Logs } from "./logs.ts";
import type { Metrics } from "./metrics.ts";
import type { PathRules } from "../policy/paths.ts";
import type { Packages } from "./packages.ts";
import type { Power } from "./power.ts";
import type { Processes } from "./processes.ts";
import type { Services } from "./services.ts";
import type { Users } from "./users.ts";
import type { State } from "./state.ts";
import type { Privileged } from "./privileged.ts";

/** The guest that the agent runs in. An ability that is absent is one that this guest lacks. */
export interface Guest {
  /** The protocol's name of the platform. */
  readonly platform: "linux" | "windows";
  readonly facts: Facts;
  readonly inventory?: Partial<Inventory>;
  /** When facts and inventory may keep what they have read; absent if they keep nothing. */
  readonly reports?: KeptReports;
  readonly metrics?: Metrics;
  readonly clock?: Clock;
  readonly processes?: Processes;
  readonly services?: Services;
  readonly users?: Users;
  readonly packages?: Packages;
  readonly cloudInit?: CloudInit;
  /** How it writes paths. */
  readonly paths: PathRules;
  readonly files?: Files;
  readonly commands: Commands;
  readonly logs?: Logs;
  readonly power: Power;
  readonly state: State;
  readonly privileged: Privileged;
}
