/**
 * Installs and removes the service, as the service manager's client.
 *
 * @module
 */

import type { ServiceHandle } from "../ffi/handle.ts";
import { services } from "../ffi/services.ts";
import { wide } from "../ffi/wide.ts";
import { lastError } from "../ffi/windows_error.ts";
import { deleteKey, writeKey } from "../registry/write_key.ts";
import { SERVICE_ALL_ACCESS, serviceState, stopService, withService } from "./control.ts";
import { readKey } from "../registry/read_key.ts";
import { dataOf } from "../registry/values.ts";
import { eventSourceKey, type ServiceIdentity } from "./identity.ts";

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

/** Where the service manager has a service. */
const serviceKey = (name: string): string => `SYSTEM\\CurrentControlSet\\Services\\${name}`;
/** The value with the options that a service was installed with. */
const OPTIONS = "AgentOptions";
/** More than a command line. */
const MAX_VALUE_BYTES = 128 * 1024;

/** What {@link installService} registers. */
export interface Registration {
  /** The options on the command line, for {@link installedOptions}. */
  readonly options: readonly string[];
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
export function installService(
  { options, commandLine, environment }: Registration,
  identity: ServiceIdentity,
): string[] {
  const { name } = identity;
  return withService(name, SERVICE_ALL_ACCESS, (existing, manager) => {
    const service = existing ?? create(manager, commandLine, identity);
    try {
      if (existing !== undefined) update(existing, commandLine, identity);
      writeKey(serviceKey(name), {
        Environment: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
        [OPTIONS]: options,
      });
      writeKey(eventSourceKey(name), {
        // Its messages with the numbers 1 to 1000 are the text that is reported.
        EventMessageFile: { expandable: String.raw`%SystemRoot%\System32\EventCreate.exe` },
        TypesSupported: 7,
      });
      return configure(service, identity);
    } finally {
      if (existing === undefined) services.CloseServiceHandle(service);
    }
  });
}

function create(
  manager: ServiceHandle,
  commandLine: string,
  { name, displayName }: ServiceIdentity,
): ServiceHandle {
  const service = services.CreateServiceW(
    manager,
    wide(name),
    wide(displayName),
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

function update(
  service: ServiceHandle,
  commandLine: string,
  { displayName }: ServiceIdentity,
): void {
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
    wide(displayName),
  );
  if (isChanged === 0) throw lastError("ChangeServiceConfigW");
}

/** Sets what creating a service does not; returns what is refused. */
function configure(service: ServiceHandle, identity: ServiceIdentity): string[] {
  const description = wide(identity.description);
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

/** The options that the installed service was given; none if it is not installed. */
export function installedOptions({ name }: ServiceIdentity): readonly string[] {
  const value = readKey(serviceKey(name), MAX_VALUE_BYTES)?.find((value) => value.name === OPTIONS);
  const options = value === undefined ? undefined : dataOf(value);
  return Array.isArray(options) ? options.map(String) : [];
}

/**
 * Stops and removes the service and its entry in the event log.
 *
 * @returns Whether there was one.
 * @throws {WindowsError}
 */
export async function uninstallService({ name }: ServiceIdentity): Promise<boolean> {
  if (serviceState(name) === undefined) return false;
  await stopService(name);
  withService(name, SERVICE_ALL_ACCESS, (service) => {
    if (service !== undefined && services.DeleteService(service) === 0) {
      throw lastError("DeleteService");
    }
  });
  deleteKey(eventSourceKey(name));
  return true;
}
