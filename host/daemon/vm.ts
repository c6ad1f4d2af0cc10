/**
 * A VM of this host as the daemon knows it.
 *
 * @module
 */

import type { PoolAgent } from "../member.ts";

/** What libvirt knows of a VM. */
export interface Domain {
  /** The whole name: libvirt truncates it in the names of its socket directories. */
  readonly name: string;
  readonly uuid: string;
  readonly title?: string;
  /** The domain's metadata, written by the host's operator; never from the guest. */
  readonly labels: Readonly<Record<string, string>>;
  /** As in `virsh domstate`, such as `running` or `paused`. */
  readonly state?: string;
}

/** A VM with an agent channel. */
export interface HostVm {
  /** The domain's UUID; without libvirt the name. */
  readonly id: string;
  /** The domain's name, or as much of it as the socket's path shows. */
  readonly name: string;
  /** `undefined` without libvirt, or if its files cannot be read. */
  readonly domain: Domain | undefined;
  /** The agent: its state, and calls to it. */
  readonly agent: PoolAgent;
}
