/**
 * A guest in memory: what handlers and the executor run against in tests that need no real one.
 *
 * @module
 */

import { commandFailed, notFound } from "../../../lib/base/errors.ts";
import type {
  Commands,
  RunOptions,
  RunResult,
  StartedCommand,
  StartOptions,
} from "../../../lib/guest/commands.ts";
import type { Facts } from "../../../lib/guest/facts.ts";
import type { Guest } from "../../../lib/guest/guest.ts";
import type { Logs } from "../../../lib/guest/logs.ts";
import { Jobs } from "../../../lib/core/jobs/jobs.ts";
import { NO_LOG } from "../../../lib/log/logger.ts";
import { MemoryFiles } from "./_memory_files.ts";
import { MEMORY_METRICS } from "./_memory_metrics.ts";
import type { Inventory } from "../../../lib/guest/inventory.ts";
import { memoryState } from "../../../lib/platform/state/memory_state.ts";
import { POSIX_PATHS } from "../../../lib/policy/paths.ts";
import { NO_PRIVILEGED } from "../../../lib/guest/privileged.ts";
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

/** A guest without disks, users or routes. */
export const EMPTY_INVENTORY: Inventory = {
  operatingSystem: () =>
    Promise.resolve({
      kernelRelease: "6.1.0",
      kernelVersion: "#1",
      machine: "x86_64",
      osRelease: new Map([["ID", "testix"]]),
    }),
  timeZone: () => Promise.resolve({ offsetSeconds: 0, name: "UTC" }),
  sessions: () => Promise.resolve([]),
  processors: () => Promise.resolve([]),
  memoryBlocks: () => Promise.resolve([]),
  memoryBlockSize: () => Promise.resolve(undefined),
  processorTimes: () => Promise.resolve([]),
  diskCounters: () => Promise.resolve([]),
  linkCounters: () => Promise.resolve(new Map()),
  blockDevices: () => Promise.resolve([]),
  blockMounts: () => Promise.resolve([]),
  routes: () => Promise.resolve([]),
};

/** A guest without logs. */
export const NO_LOGS: Logs = {
  readFile: ({ path }) => Promise.reject(notFound(`${path} does not exist`, { path })),
  fileChange: () => Promise.resolve(),
  readJournal: () => Promise.reject(commandFailed("this guest has no journal")),
  journalChange: () => Promise.resolve(),
  files: () => Promise.resolve({ files: [], isPartial: false }),
  units: () => Promise.resolve(undefined),
};

/** No program is installed. */
export const NO_COMMANDS: Commands = {
  searchPath: ["/bin"],
  defaultDirectory: "/",
  isExecutableFile: () => false,
  baseEnvironment: () => Promise.resolve({ PATH: "/bin", HOME: "/home/agent" }),
  run: ({ program }) => Promise.reject(notFound(`program not found: ${program}`)),
  start: ({ program }) => Promise.reject(notFound(`program not found: ${program}`)),
  terminalProblem: () => "this guest has no terminals",
};

/** How a scripted command ends, as far as it differs from success without output. */
export type ScriptedResult =
  & Partial<Omit<RunResult, "stdout" | "stderr">>
  & { readonly stdout?: string | Uint8Array<ArrayBuffer>; readonly stderr?: string };

/** Installed programs that do what the test says, and remember how they were run. */
export class ScriptedCommands implements Commands {
  readonly searchPath = ["/sbin", "/bin"];
  readonly defaultDirectory = "/";
  readonly runs: RunOptions[] = [];
  readonly #programs: ReadonlyMap<string, (options: RunOptions) => ScriptedResult>;

  /** @param programs By absolute path. */
  constructor(programs: Readonly<Record<string, (options: RunOptions) => ScriptedResult>>) {
    this.#programs = new Map(Object.entries(programs));
  }

  isExecutableFile(path: string): boolean {
    return this.#programs.has(path);
  }

  baseEnvironment(): Promise<Readonly<Record<string, string>>> {
    return Promise.resolve({ PATH: "/sbin:/bin", HOME: "/home/agent" });
  }

  start({ program }: StartOptions): Promise<StartedCommand> {
    return Promise.reject(notFound(`program not found: ${program}`));
  }

  terminalProblem(): string {
    return "this guest has no terminals";
  }

  run(options: RunOptions): Promise<RunResult> {
    this.runs.push(options);
    const program = this.#programs.get(options.program);
    if (program === undefined) {
      return Promise.reject(notFound(`program not found: ${options.program}`));
    }
    const { stdout = "", stderr = "", ...result } = program(options);
    const captured = (output: string | Uint8Array<ArrayBuffer>) => {
      const bytes = typeof output === "string" ? new TextEncoder().encode(output) : output;
      const kept = bytes.slice(0, options.maxOutputBytes);
      return { bytes: kept, truncated: kept.byteLength < bytes.byteLength };
    };
    return Promise.resolve({
      code: 0,
      signal: null,
      endedBy: "itself",
      isStuck: false,
      durationMs: 1,
      ...result,
      stdout: captured(stdout),
      stderr: captured(stderr),
    });
  }
}

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
    inventory: EMPTY_INVENTORY,
    metrics: MEMORY_METRICS,
    paths: POSIX_PATHS,
    files: new MemoryFiles(),
    commands: NO_COMMANDS,
    logs: NO_LOGS,
    power: new Power(new RecordingPower()),
    state: memoryState(),
    privileged: NO_PRIVILEGED,
    ...parts,
  };
}

/** A guest in memory and its jobs, for the services of an executor. */
export function memoryServices(parts: Partial<Guest> = {}): { guest: Guest; jobs: Jobs } {
  const guest = memoryGuest(parts);
  return { guest, jobs: new Jobs({ guest, log: NO_LOG }) };
}
