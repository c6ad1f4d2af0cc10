/**
 * What the service is called.
 *
 * @module
 */

/** What a service is called. */
export interface ServiceIdentity {
  /** For `sc` and the service manager, and the source of its entries in the application log. */
  readonly name: string;
  /** What the list of services shows. */
  readonly displayName: string;
}

/** The service's name. */
export const SERVICE_NAME = "KVMManagerAgent";

/** The agent's service. */
export const AGENT_SERVICE: ServiceIdentity = {
  name: SERVICE_NAME,
  displayName: "KVMManager Guest Agent",
};

/** The registry key of a source of the application log, below HKEY_LOCAL_MACHINE. */
export const eventSourceKey = (name: string): string =>
  `SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\${name}`;
