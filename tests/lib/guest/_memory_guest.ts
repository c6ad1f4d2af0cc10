/**
 * A guest in memory: what handlers and the executor run against in tests that need no real one.
 *
 * @module
 */

import { notFound } from "../../../lib/base/errors.ts";
import type { Commands } from "../../../lib/guest/commands.ts";
import type { Facts } from "../../../lib/guest/facts.ts";
import type { Guest } from "../../../lib/guest/guest.ts";
import { Power, type PowerProvider, type PowerRequest } from "../../../lib/guest/power.ts";

/** Facts of a guest with no network interface and no disk. */
export const MEMORY_FACTS: Facts = {
  info: () =>
    Promise.resolve({
      os_type: "linux",
      os_name: "Testix",
      os_version: "1",
      kernel_version: "6.1.0",
      hostname: "guest",
      architecture: "x86_64",
      cpu_count: 1,
      total_memory_kb: 1024,
      uptime_seconds: 1,
    }),
  networkInterfaces: () => Promise.resolve([]),
  filesystems: () => Promise.resolve({ filesystems: [], unresponsive: [] }),
};

/** No program is installed. */
export const NO_COMMANDS: Commands = {
  find: (command) => {
    throw notFound(`no program "${command}"`);
  },
  homeDirectory: () => Promise.resolve("/home/agent"),
  run: ({ program }) => Promise.reject(new Deno.errors.NotFound(program)),
};

/** A power provider that only remembers. */
export class RecordingPower implements PowerProvider {
  readonly unavailable = undefined;
  readonly requests: PowerRequest[] = [];
  /** Why it cannot be done at the moment. */
  obstacle: string | undefined;

  check(): Promise<string | undefined> {
    return Promise.resolve(this.obstacle);
  }

  request(request: PowerRequest): Promise<void> {
    this.requests.push(request);
    return Promise.resolve();
  }
}

/** A guest in memory, with the given parts replaced. */
export function memoryGuest(parts: Partial<Guest> = {}): Guest {
  return {
    platform: "linux",
    facts: MEMORY_FACTS,
    commands: NO_COMMANDS,
    power: new Power(new RecordingPower()),
    ...parts,
  };
}
