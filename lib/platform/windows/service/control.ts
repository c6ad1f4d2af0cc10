/**
 * Controls a service, as the service manager's client.
 *
 * @module
 */

import { sleep } from "../../../base/timer.ts";
import { isHandle, type ServiceHandle } from "../ffi/handle.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { services } from "../ffi/services.ts";
import { wide } from "../ffi/wide.ts";
import { lastError, WindowsError } from "../ffi/windows_error.ts";
import { CONTROL, STATE } from "./dispatcher.ts";

/** SC_MANAGER_CONNECT and SC_MANAGER_CREATE_SERVICE. */
const MANAGER_ACCESS = { connect: 0x1, create: 0x3 } as const;
/** Everything, as an administrator may. */
export const SERVICE_ALL_ACCESS = 0xf_01ff;
const SERVICE_QUERY_STATUS = 0x4;

/** The right to wait for a process. */
const SYNCHRONIZE = 0x10_0000;

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
export function withService<Result>(
  name: string,
  access: number,
  use: (service: ServiceHandle | undefined, manager: ServiceHandle) => Result,
): Result {
  const wanted = access === SERVICE_ALL_ACCESS ? MANAGER_ACCESS.create : MANAGER_ACCESS.connect;
  const manager = services.OpenSCManagerW(null, null, wanted);
  if (manager === null) throw lastError("OpenSCManagerW");
  try {
    const service = services.OpenServiceW(manager, wide(name), access);
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

/** What the service does; `undefined` if it is not installed. */
export function serviceState(name: string): ServiceState | undefined {
  return withService(name, SERVICE_QUERY_STATUS, (service) => {
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
export async function startService(name: string): Promise<void> {
  withService(name, SERVICE_ALL_ACCESS, (service) => {
    if (service === undefined) throw notInstalled();
    if (services.StartServiceW(service, 0, null) !== 0) return;
    const error = lastError("StartServiceW");
    if (error.code !== ERROR_SERVICE_ALREADY_RUNNING) throw error;
  });
  const reached = await waitWhile(name, "starting");
  if (reached?.isRunning !== true) {
    throw new ServiceError(
      `the service did not start: it is ${reached?.state ?? "gone"}, with exit status ` +
        `${reached?.exitStatus ?? "unknown"}; the application log says why`,
    );
  }
}

/**
 * Stops the service and waits until it has stopped and its process has ended: until then nobody can
 * replace its program.
 *
 * @throws {WindowsError | ServiceError} if it does not.
 */
export async function stopService(name: string): Promise<void> {
  const process = kernel32.OpenProcess(SYNCHRONIZE, 0, serviceState(name)?.pid ?? 0);
  try {
    await stop(name);
    if (isHandle(process)) await kernel32.WaitForSingleObject(process, WAIT_MS.most);
  } finally {
    if (isHandle(process)) kernel32.CloseHandle(process);
  }
}

async function stop(name: string): Promise<void> {
  withService(name, SERVICE_ALL_ACCESS, (service) => {
    if (service === undefined) throw notInstalled();
    const status = new Uint32Array(SERVICE_STATUS_WORDS);
    if (services.ControlService(service, CONTROL.stop, status) !== 0) return;
    const error = lastError("ControlService");
    if (error.code !== ERROR_SERVICE_NOT_ACTIVE) throw error;
  });
  const reached = await waitWhile(name, "stopping", "running");
  if (reached !== undefined && reached.state !== "stopped") {
    throw new ServiceError(`the service did not stop within ${WAIT_MS.most / 1000} s`);
  }
}

const notInstalled = () => new WindowsError("OpenServiceW", ERROR_SERVICE_DOES_NOT_EXIST);

/** Waits, for a while, until the service is in another state. */
async function waitWhile(
  name: string,
  ...states: readonly string[]
): Promise<ServiceState | undefined> {
  for (let waited = 0;; waited += WAIT_MS.each) {
    const now = serviceState(name);
    if (now === undefined || !states.includes(now.state) || waited >= WAIT_MS.most) return now;
    await sleep(WAIT_MS.each);
  }
}
