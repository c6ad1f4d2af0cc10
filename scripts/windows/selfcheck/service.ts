/**
 * Checks of the service manager, by a service that is installed for them and removed again.
 *
 * @module
 */

import manifest from "../../../deno.json" with { type: "json" };
import * as z from "zod";
import { commandLine } from "../../../lib/platform/windows/command_line.ts";
import { services } from "../../../lib/platform/windows/ffi/services.ts";
import { lastError } from "../../../lib/platform/windows/ffi/windows_error.ts";
import { fullPath } from "../../../lib/platform/windows/programs.ts";
import {
  SERVICE_ALL_ACCESS,
  serviceState,
  startService,
  stopService,
  withService,
} from "../../../lib/platform/windows/service/control.ts";
import { CONTROL } from "../../../lib/platform/windows/service/dispatcher.ts";
import {
  installService,
  REQUIRED_PRIVILEGES,
  uninstallService,
} from "../../../lib/platform/windows/service/installation.ts";
import { advapi32 } from "./calls.ts";
import { type Check, Failed, requireThat, Unknown, waitFor } from "./check.ts";
import { isRunning } from "./process_use.ts";
import { Findings, findingsFile, startsFile, TESTED_SERVICE } from "./tested_service.ts";

const { name: NAME } = TESTED_SERVICE;
const MIB = 2 ** 20;
/** The limit is 50 MiB; Windows counts pages a moment later. */
const RESIDENT_LIMIT = 52 * MIB;
/** SERVICE_CONFIG_FAILURE_ACTIONS, and where SERVICE_FAILURE_ACTIONSW has the number of actions. */
const FAILURE_ACTIONS = { level: 2, countOffset: 24, maxBytes: 8192 } as const;
/** How long the service may take to look at itself, and to be started again. */
const WAIT_MS = 40_000;

type Found = z.output<typeof Findings>;

/** Where Deno keeps what it has downloaded: the service's account has another place. */
const denoDirectory = () =>
  Deno.env.get("DENO_DIR") ?? `${Deno.env.get("LOCALAPPDATA") ?? ""}\\deno`;

/** What starts this script as the service. */
function words(folder: string): string[] {
  const script = decodeURIComponent(new URL(Deno.mainModule).pathname).slice(1);
  const v8Flags = `--v8-flags=${manifest.v8Flags.join(",")}`;
  return [Deno.execPath(), "run", "-A", "--quiet", v8Flags, fullPath(script), "--service", folder];
}

async function readWhenThere(file: string): Promise<string> {
  const text = await waitFor(WAIT_MS, () => Deno.readTextFile(file).catch(() => undefined));
  if (text !== undefined) return text;
  throw new Failed(`the service is ${serviceState(NAME)?.state ?? "gone"} and found nothing out`);
}

/** How many restarts the service manager has noted. */
function restarts(): number {
  return withService(NAME, SERVICE_ALL_ACCESS, (service) => {
    const { level, maxBytes, countOffset } = FAILURE_ACTIONS;
    const actions = new Uint8Array(maxBytes);
    const needed = new Uint32Array(1);
    if (
      service === undefined ||
      advapi32.QueryServiceConfig2W(service, level, actions, maxBytes, needed) === 0
    ) {
      throw lastError("QueryServiceConfig2W");
    }
    return new DataView(actions.buffer).getUint32(countOffset, true);
  });
}

function crash(): void {
  withService(NAME, SERVICE_ALL_ACCESS, (service) => {
    // Refused, if the service has crashed before it could answer.
    if (service !== undefined) {
      services.ControlService(service, CONTROL.paramchange, new Uint32Array(7));
    }
  });
}

/** The service, and what it has found out so far. */
export class ServiceCheck {
  readonly #folder: string;
  #found: Found | undefined;

  /** @param folder An empty directory. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The checks, to be run in their order. */
  get checks(): readonly Check[] {
    const found = (run: (found: Found) => string) => () => {
      if (this.#found === undefined) throw new Unknown("there is no service to look at");
      return run(this.#found);
    };
    return [
      { name: "the service manager takes every setting", run: () => this.#install() },
      { name: "the service manager starts a service", run: () => this.#start() },
      {
        name: "a service has the privileges that it needs, and no others",
        run: found(({ privileges }) => {
          const wanted = [...REQUIRED_PRIVILEGES].sort().join(" ");
          requireThat(privileges.join(" ") === wanted, `it has ${privileges.join(" ")}`);
          return wanted;
        }),
      },
      {
        name: "Windows takes every limit of the service's own process",
        run: found(({ refused }) => {
          requireThat(refused.length === 0, refused.join("; "));
          return "memory and processor time";
        }),
      },
      {
        name: "the resident memory of the service is limited",
        run: found(({ workingSet }) => {
          const size = `${(workingSet / MIB).toFixed(1)} MiB`;
          requireThat(workingSet > 0, "it could not be measured");
          requireThat(workingSet <= RESIDENT_LIMIT, `${size} instead of 50 MiB`);
          return size;
        }),
      },
      {
        name: "the committed memory of the service is limited",
        run: found(({ isCommitRefused }) => {
          requireThat(isCommitRefused, "memory beyond the limit was not refused");
          return "more was refused";
        }),
      },
      {
        name: "a service that has crashed is started again",
        run: async () => {
          if (this.#found === undefined) throw new Unknown("there is no service to look at");
          return await this.#restart();
        },
      },
      { name: "the service manager stops a service", run: () => this.#stop() },
    ];
  }

  #install(): string {
    const refused = installService({
      options: [],
      commandLine: commandLine(words(this.#folder)),
      environment: { DENO_DIR: denoDirectory(), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    }, TESTED_SERVICE);
    requireThat(refused.length === 0, `it refuses ${refused.join("; ")}`);
    return "restarts, privileges, the time for a shutdown";
  }

  async #start(): Promise<string> {
    await startService(NAME);
    const pid = serviceState(NAME)?.pid;
    const text = await readWhenThere(findingsFile(this.#folder));
    this.#found = z.parse(Findings, JSON.parse(text));
    return `process ${pid}`;
  }

  async #restart(): Promise<string> {
    requireThat(restarts() > 0, "the service manager has not noted the restarts");
    const begin = performance.now();
    crash();
    const starts = await waitFor(WAIT_MS, async () => {
      const { length } = await Deno.readTextFile(startsFile(this.#folder));
      return length > 1 ? length : undefined;
    });
    if (starts !== undefined) return `after ${((performance.now() - begin) / 1000).toFixed(1)} s`;
    throw new Failed(`it is ${serviceState(NAME)?.state ?? "gone"}`);
  }

  async #stop(): Promise<string> {
    if (this.#found === undefined) throw new Unknown("there is no service to stop");
    const pid = serviceState(NAME)?.pid;
    await stopService(NAME);
    requireThat(pid === undefined || !await isRunning(pid), "its process is still there");
    const state = serviceState(NAME);
    requireThat(state?.exitStatus === 0, `it stopped with exit status ${state?.exitStatus}`);
    return "exit status 0";
  }

  /** Removes the service, whatever became of it. */
  async remove(): Promise<void> {
    await uninstallService(TESTED_SERVICE);
  }
}
