/**
 * Services that OpenRC manages, as rc-status(8) and rc-service(8) show them.
 *
 * @module
 */

import { commandFailed, notFound } from "../../../base/errors.ts";
import type { Service, Services, ServiceState, ServiceStatus } from "../../../guest/services.ts";
import { openrcService } from "../../../policy/service_names.ts";
import type { RunScript } from "./run_script.ts";

/** OpenRC's words and ours. */
const STATES: Readonly<Record<string, ServiceState>> = {
  started: "active",
  inactive: "activating",
  starting: "activating",
  stopping: "deactivating",
  stopped: "inactive",
  crashed: "failed",
  scheduled: "inactive",
};

/** Prints all services with their states by runlevel, and those that a runlevel starts. */
const LIST = `
rc-status --all --format ini 2>&1
echo '[=startup]'
rc-update show 2> /dev/null
`;

/** $1: the service. Prints whether it exists, its description, and its state. */
const STATUS = `
rc-service --exists -- "$1" 2> /dev/null || { echo absent; exit; }
echo present
rc-service -- "$1" describe 2> /dev/null | head -n 1
`;

/** Asks rc-status(8). */
export class OpenrcServices implements Services {
  readonly manager = "openrc";
  readonly #run: RunScript;

  constructor(run: RunScript) {
    this.#run = run;
  }

  async list(signal: AbortSignal): Promise<Service[]> {
    const text = await this.#run(LIST, [], signal);
    const services = parseList(text);
    if (services.length > 0) return services;
    throw commandFailed(`rc-status failed: ${text.trim().split("\n")[0] ?? ""}`);
  }

  async status(name: string, signal: AbortSignal): Promise<ServiceStatus> {
    const service = openrcService(name);
    const [presence, description = ""] = (await this.#run(STATUS, [service], signal)).split("\n");
    if (presence !== "present") throw notFound(`there is no service ${service}`, { name: service });
    // " * DESCRIPTION" or " * NAME: DESCRIPTION"
    const described = description.replace(/^ *\* */, "").replace(/^[^ ]+: /, "").trim();
    const found = (await this.list(signal)).find((one) => one.name === service);
    return {
      ...(found ?? { name: service, state: "inactive" }),
      ...(described === "" ? {} : { description: described }),
      aliases: [],
    };
  }
}

/** Parses both lists; sorted by name. */
export function parseList(text: string): Service[] {
  const [states = "", startup = ""] = text.split("[=startup]\n");
  // " NAME | RUNLEVEL RUNLEVEL"
  const enabled = new Set(
    [...startup.matchAll(/^ *(\S+) \|(.*)$/gm)].filter(([, , levels = ""]) => levels.trim() !== "")
      .map(([, name]) => name),
  );
  const services = new Map<string, Service>();
  for (const [, name = "", word = ""] of states.matchAll(/^ *(\S+) += +(\w+)/gm)) {
    services.set(name, {
      name,
      state: STATES[word] ?? "unknown",
      detail: word,
      startup: enabled.has(name) ? "enabled" : "disabled",
    });
  }
  return [...services.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}
