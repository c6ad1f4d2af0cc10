/**
 * What the services are called.
 *
 * @module
 */

/** What a service is called. */
export interface ServiceIdentity {
  /** For `sc` and the service manager, and the source of its entries in the application log. */
  readonly name: string;
  /** What the list of services shows. */
  readonly displayName: string;
  /** What the list says about it. */
  readonly description: string;
}

/** The service of the agent's own language. */
export const AGENT_SERVICE: ServiceIdentity = {
  name: "KVMManagerAgent",
  displayName: "KVMManager Guest Agent",
  description: "Lets the host of this virtual machine look after it: facts, files, commands " +
    "and power, within the limits of the guest's configuration.",
};

/** The service of the QEMU guest agent's language, on that agent's port. */
export const QGA_SERVICE: ServiceIdentity = {
  name: "KVMManagerAgentQGA",
  displayName: "KVMManager Guest Agent (QEMU guest agent)",
  description:
    "Takes the place of the QEMU guest agent: answers libvirt, Proxmox and other hosts " +
    "in its language, within the limits of the guest's configuration.",
};

/** The service of virtio-win's QEMU guest agent, which serves the same port. */
export const QEMU_GA_SERVICE = "QEMU-GA";

/** The registry key of a source of the application log, below HKEY_LOCAL_MACHINE. */
export const eventSourceKey = (name: string): string =>
  `SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\${name}`;
