/**
 * The guest's packages: the interface that every platform implements.
 *
 * @module
 */

/** An installed package. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** Identifies a package: several versions and architectures of one may be installed. */
export const packageKey = ({ name, version, architecture }: Package): string =>
  `${name} ${version} ${architecture}`;

/** A package that can be replaced by a newer version. */
export interface PackageUpdate {
  readonly name: string;
  /** The installed version; absent for a package that the update adds. */
  readonly installed?: string;
  readonly available: string;
  /** Whether it comes from a source of security updates; absent where sources do not tell. */
  readonly isSecurity?: boolean;
}

/** What can be updated, as far as the guest knows. */
export interface PackageUpdates {
  /** Sorted by name. */
  readonly updates: readonly PackageUpdate[];
  /** When the guest last asked its sources, in seconds since 1970-01-01 UTC. */
  readonly refreshedAt?: number;
  /** Whether an update that is installed needs a reboot; absent where the guest does not tell. */
  readonly isRebootRequired?: boolean;
}

/** The packages of the guest. Nothing is downloaded or changed. */
export interface Packages {
  readonly manager: "apt" | "zypper" | "dnf" | "apk";
  /** All installed packages, sorted by name, version and architecture. */
  list(signal: AbortSignal): Promise<readonly Package[]>;
  updates(signal: AbortSignal): Promise<PackageUpdates>;
}
