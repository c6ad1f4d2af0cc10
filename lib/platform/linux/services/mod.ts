/**
 * The services of a Linux guest.
 *
 * @module
 */

import type { Services } from "../../../guest/services.ts";
import { isInstalled } from "../programs.ts";
import { runScript } from "../shell.ts";
import { OpenrcServices } from "./openrc.ts";
import type { RunScript } from "./run_script.ts";
import { SystemdServices } from "./systemd.ts";

const TIMEOUT_MS = 20_000;

const run: RunScript = (code, args, signal) =>
  runScript({ code, args, timeoutMs: TIMEOUT_MS, signal });

/** The services, by the manager that is installed; `undefined` if none is. */
export function linuxServices(has = isInstalled): Services | undefined {
  if (has("systemctl")) return new SystemdServices(run);
  return has("rc-status") ? new OpenrcServices(run) : undefined;
}
