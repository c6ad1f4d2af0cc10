/**
 * The guest's services: the interface that every platform implements.
 *
 * @module
 */

/** What a service is doing, in the words of systemd. */
export const SERVICE_STATES = [
  "active",
  "reloading",
  "inactive",
  "failed",
  "activating",
  "deactivating",
  "maintenance",
  "unknown",
] as const;

/** One of {@link SERVICE_STATES}. */
export type ServiceState = (typeof SERVICE_STATES)[number];

/** A service in a list. */
export interface Service {
  readonly name: string;
  readonly state: ServiceState;
  /** The service manager's own word, such as `running` or `exited`. */
  readonly detail?: string;
  readonly description?: string;
  /** The service manager's own word for whether it starts with the guest, such as `enabled`. */
  readonly startup?: string;
  /** The main process, while it runs. */
  readonly mainPid?: number;
}

/** Everything that is known of one service. */
export interface ServiceStatus extends Service {
  /** Other names of the service. */
  readonly aliases: readonly string[];
  /** Why it ended, such as `success` or `exit-code`. */
  readonly result?: string;
  /** The exit status of the main process. */
  readonly exitStatus?: number;
  readonly restarts?: number;
  readonly memoryBytes?: number;
  readonly cpuSeconds?: number;
  readonly tasks?: number;
  /** Seconds since 1970-01-01 UTC. */
  readonly activeSince?: number;
}

/** The services of the guest. */
export interface Services {
  /** The program that manages them. */
  readonly manager: "systemd" | "openrc";
  /** All services that are loaded, sorted by name. */
  list(signal: AbortSignal): Promise<readonly Service[]>;
  /**
   * One service. A name without a suffix means a service.
   *
   * @throws {RpcError} -32602 for what is not the name of one service, -32002 if there is none.
   */
  status(name: string, signal: AbortSignal): Promise<ServiceStatus>;
}
