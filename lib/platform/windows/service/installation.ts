/**
 * Installs and controls the service, as the service manager's client.
 *
 * @module
 */

import { sleep } from "../../../base/timer.ts";
import type { ServiceHandle } from "../ffi/handle.ts";
import { services } from "../ffi/services.ts";
import { wide } from "../ffi/wide.ts";
import { lastError, WindowsError } from "../ffi/windows_error.ts";
import { deleteKey, writeKey } from "../registry/write_key.ts";
import { CONTROL, STATE } from "./dispatcher.ts";
import { DISPLAY_NAME, EVENT_SOURCE_KEY, SERVICE_NAME } from "./identity.ts";

const SERVICE_KEY = `SYSTEM\\CurrentControlSet\\Services\\${SERVICE_NAME}`;
const DESCRIPTION = "Lets the host of this virtual machine look after it: facts, files, commands " +
  "and power, within the limits of the guest's configuration.";

/** SC_MANAGER_CONNECT and SC_MANAGER_CREATE_SERVICE. */
const MANAGER_ACCESS = { connect: 0x1, create: 0x3 } as const;
const SERVICE_ALL_ACCESS = 0xf_01ff;
const SERVICE_QUERY_STATUS = 0x4;
const SERVICE_WIN32_OWN_PROCESS = 0x10;
const SERVICE_AUTO_START = 2;
const SERVICE_ERROR_NORMAL = 1;
/** What ChangeServiceConfig2W sets (winsvc.h). */
const CONFIG = {
  description: 1,
  failureActions: 2,
  requiredPrivileges: 6,
  preshutdown: 7,
} as const;
const SC_ACTION_RESTART = 1;
/** How soon the service is started again after its first, second and every other failure. */
const RESTART_MS = [1000, 5000, 60_000] as const;
/** After a day without a failure the next one counts as the first. */
const FAILURES_FORGOTTEN_SECONDS = 86_400;
/** How long a shutdown of the system waits for it. */
const PRESHUTDOWN_MS = 15_000;

/**
 * All that is left of LocalSystem's privileges (docs/windows.md): passing through directories, which
 * every account may; shutting down; and limiting the agent's own resident memory.
 */
export const REQUIRED_PRIVILEGES = [
  "SeChangeNotifyPrivilege",
  "SeIncreaseBasePriorityPrivilege",
  "SeIncreaseWorkingSetPrivilege",
  "SeShutdownPrivilege",
] as const;

const ERROR_SERVICE_DOES_NOT_EXIST = 1060;
const ERROR_SERVICE_ALREADY_RUNNING = 1056;
const ERROR_SERVICE_NOT_ACTIVE = 1062;

/** How long to wait for a state, and how often to look. */
const WAIT_MS = { most: 30_000, each: 100 } as const;

/** Where SERVICE_STATUS_PROCESS has its members, as 32-bit words, and its size. */
const STATUS = { state: 1, exit: 3, specificExit: 4, processId: 7, words: 9 } as const;
const SERVICE_STATUS_WORDS = 7;

/** The service does not do what it was told; the message says what it does instead. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
}

/** What the service manager says about the service. */
export interface ServiceState {
  readonly state: string;
  readonly isRunning: boolean;
  /** While it runs. */
  readonly pid: number | undefined;
  /** The exit status of the last run: the service's own, or else the system's error code. */
  readonly exitStatus: number;
}

const STATE_NAMES: ReadonlyMap<number | undefined, string> = new Map([
  [STATE.stopped, "stopped"],
  [STATE.startPending, "starting"],
  [STATE.stopPending, "stopping"],
  [STATE.running, "running"],
]);

/** Opens the service for the length of a call; `undefined` is passed if there is none. */
function withService<Result>(
  access: number,
  use: (service: ServiceHandle | undefined, manager: ServiceHandle) => Result,
): Result {
  const wanted = access === SERVICE_ALL_ACCESS ? MANAGER_ACCESS.create : MANAGER_ACCESS.connect;
  const manager = services.OpenSCManagerW(null, null, wanted);
  if (manager === null) throw lastError("OpenSCManagerW");
  try {
    const service = services.OpenServiceW(manager, wide(SERVICE_NAME), access);
    if (service === null) {
      const error = lastError("OpenServiceW");
      if (error.code !== ERROR_SERVICE_DOES_NOT_EXIST) throw error;
      return use(undefined, manager);
    }
    try {
      return use(service, manager);
    } finally {
      services.CloseServiceHandle(service);
    }
  } finally {
    services.CloseServiceHandle(manager);
  }
}

/** What {@link installService} registers. */
export interface Registration {
  /** The command line that the manager starts. */
  readonly commandLine: string;
  /** Variables of its process. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Installs the service, or brings the installed one up to date.
 *
 * @returns What this Windows refuses to set.
 * @throws {WindowsError}
 */
export function installService({ commandLine, environment }: Registration): string[] {
  return withService(SERVICE_ALL_ACCESS, (existing, manager) => {
    const service = existing ?? create(manager, commandLine);
    try {
      if (existing !== undefined) update(existing, commandLine);
      writeKey(SERVICE_KEY, {
        Environment: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      });
      writeKey(EVENT_SOURCE_KEY, {
        // Its messages with the numbers 1 to 1000 are the text that is reported.
        EventMessageFile: { expandable: String.raw`%SystemRoot%\System32\EventCreate.exe` },
        TypesSupported: 7,
      });
      return configure(service);
    } finally {
      if (existing === undefined) services.CloseServiceHandle(service);
    }
  });
}

function create(manager: ServiceHandle, commandLine: string): ServiceHandle {
  const service = services.CreateServiceW(
    manager,
    wide(SERVICE_NAME),
    wide(DISPLAY_NAME),
    SERVICE_ALL_ACCESS,
    SERVICE_WIN32_OWN_PROCESS,
    SERVICE_AUTO_START,
    SERVICE_ERROR_NORMAL,
    wide(commandLine),
    null,
    null,
    null,
    // LocalSystem.
    null,
    null,
  );
  if (service === null) throw lastError("CreateServiceW");
  return service;
}

function update(service: ServiceHandle, commandLine: string): void {
  const isChanged = services.ChangeServiceConfigW(
    service,
    SERVICE_WIN32_OWN_PROCESS,
    SERVICE_AUTO_START,
    SERVICE_ERROR_NORMAL,
    wide(commandLine),
    null,
    null,
    null,
    null,
    null,
    wide(DISPLAY_NAME),
  );
  if (isChanged === 0) throw lastError("ChangeServiceConfigW");
}

/** Sets what creating a service does not; returns what is refused. */
function configure(service: ServiceHandle): string[] {
  const description = wide(DESCRIPTION);
  const privileges = Uint16Array.from(
    REQUIRED_PRIVILEGES.flatMap((name) => [...wide(name)]).concat(0),
  );
  const actions = new Uint32Array(RESTART_MS.flatMap((ms) => [SC_ACTION_RESTART, ms]));
  // SERVICE_FAILURE_ACTIONSW: seconds, two pointers that are not used, how many, the actions.
  const failure = new BigUint64Array([
    BigInt(FAILURES_FORGOTTEN_SECONDS),
    0n,
    0n,
    BigInt(RESTART_MS.length),
    addressOf(actions),
  ]);
  const settings: readonly [
    string,
    number,
    Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>,
  ][] = [
    ["the description", CONFIG.description, new BigUint64Array([addressOf(description)])],
    ["restarts after failures", CONFIG.failureActions, failure],
    [
      "the required privileges",
      CONFIG.requiredPrivileges,
      new BigUint64Array([addressOf(privileges)]),
    ],
    ["the time for a shutdown", CONFIG.preshutdown, new Uint32Array([PRESHUTDOWN_MS])],
  ];
  return settings.flatMap(([what, level, value]) =>
    services.ChangeServiceConfig2W(service, level, value) !== 0
      ? []
      : [`${what}: ${lastError("ChangeServiceConfig2W").message}`]
  );
}

const addressOf = (array: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): bigint =>
  Deno.UnsafePointer.value(Deno.UnsafePointer.of(array));

/**
 * Stops and removes the service and its entry in the event log.
 *
 * @returns Whether there was one.
 * @throws {WindowsError}
 */
export async function uninstallService(): Promise<boolean> {
  if (serviceState() === undefined) return false;
  await stopService();
  withService(SERVICE_ALL_ACCESS, (service) => {
    if (service !== undefined && services.DeleteService(service) === 0) {
      throw lastError("DeleteService");
    }
  });
  deleteKey(EVENT_SOURCE_KEY);
  return true;
}

/** What the service does; `undefined` if it is not installed. */
export function serviceState(): ServiceState | undefined {
  return withService(SERVICE_QUERY_STATUS, (service) => {
    if (service === undefined) return undefined;
    const status = new Uint32Array(STATUS.words);
    const needed = new Uint32Array(1);
    const bytes = status.byteLength;
    if (services.QueryServiceStatusEx(service, 0, status, bytes, needed) === 0) {
      throw lastError("QueryServiceStatusEx");
    }
    const { state, exit, specificExit, processId } = STATUS;
    return {
      state: STATE_NAMES.get(status[state]) ?? `state ${status[state]}`,
      isRunning: status[state] === STATE.running,
      pid: status[processId] || undefined,
      exitStatus: status[specificExit] || status[exit] || 0,
    };
  });
}

/**
 * Starts the service and waits until it runs.
 *
 * @throws {WindowsError | ServiceError} if it does not.
 */
export async function startService(): Promise<void> {
  withService(SERVICE_ALL_ACCESS, (service) => {
    if (service === undefined) throw notInstalled();
    if (services.StartServiceW(service, 0, null) !== 0) return;
    const error = lastError("StartServiceW");
    if (error.code !== ERROR_SERVICE_ALREADY_RUNNING) throw error;
  });
  const reached = await waitWhile("starting");
  if (reached?.isRunning !== true) {
    throw new ServiceError(
      `the service did not start: it is ${reached?.state ?? "gone"}, with exit status ` +
        `${reached?.exitStatus ?? "unknown"}; the application log says why`,
    );
  }
}

/**
 * Stops the service and waits until it has stopped.
 *
 * @throws {WindowsError | ServiceError} if it does not.
 */
export async function stopService(): Promise<void> {
  withService(SERVICE_ALL_ACCESS, (service) => {
    if (service === undefined) throw notInstalled();
    const status = new Uint32Array(SERVICE_STATUS_WORDS);
    if (services.ControlService(service, CONTROL.stop, status) !== 0) return;
    const error = lastError("ControlService");
    if (error.code !== ERROR_SERVICE_NOT_ACTIVE) throw error;
  });
  const reached = await waitWhile("stopping", "running");
  if (reached !== undefined && reached.state !== "stopped") {
    throw new ServiceError(`the service did not stop within ${WAIT_MS.most / 1000} s`);
  }
}

const notInstalled = () => new WindowsError("OpenServiceW", ERROR_SERVICE_DOES_NOT_EXIST);

/** Waits, for a while, until the service is in another state. */
async function waitWhile(...states: readonly string[]): Promise<ServiceState | undefined> {
  for (let waited = 0;; waited += WAIT_MS.each) {
    const now = serviceState();
    if (now === undefined || !states.includes(now.state) || waited >= WAIT_MS.most) return now;
    await sleep(WAIT_MS.each);
  }
}
