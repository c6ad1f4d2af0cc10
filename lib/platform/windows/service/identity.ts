/**
 * What the service is called.
 *
 * @module
 */

/** The service's name, for `sc` and the service manager. */
export const SERVICE_NAME = "KVMManagerAgent";
/** What the list of services shows. */
export const DISPLAY_NAME = "KVMManager Guest Agent";
/** The source of its entries in the application log. */
export const EVENT_SOURCE_NAME = SERVICE_NAME;
/** The registry key of the source, below HKEY_LOCAL_MACHINE. */
export const EVENT_SOURCE_KEY =
  `SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\${EVENT_SOURCE_NAME}`;
