/**
 * What cloud-init does in the guest: the interface that every platform implements.
 *
 * @module
 */

/** How far cloud-init is. */
export const CLOUD_INIT_STATES = ["not_started", "running", "done", "error", "disabled"] as const;

/** One of {@link CLOUD_INIT_STATES}. */
export type CloudInitState = (typeof CLOUD_INIT_STATES)[number];

/** cloud-init's own report of this boot. */
export interface CloudInitStatus {
  readonly state: CloudInitState;
  /** Where it got its data from, such as `DataSourceNoCloud [seed=/dev/sr0]`. */
  readonly dataSource?: string;
  /** The stage that runs, such as `modules-final`. */
  readonly stage?: string;
  readonly errors: readonly string[];
}

/** cloud-init of the guest. */
export interface CloudInit {
  status(signal: AbortSignal): Promise<CloudInitStatus>;
}
