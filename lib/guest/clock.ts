/**
 * The guest's clock: the interface that every platform implements.
 *
 * @module
 */

/** How the clock is set up. */
export interface ClockState {
  /** Seconds east of UTC at this moment. */
  readonly zoneOffsetSeconds: number;
  /** Such as `CET`. */
  readonly zoneAbbreviation: string;
  /** Such as `Europe/Berlin`; absent if the guest has no name for it. */
  readonly zone?: string;
  /** Whether something keeps the clock right; absent if the guest does not tell. */
  readonly isSynchronized?: boolean;
  /** What the kernel reads the time from, such as `kvm-clock`. */
  readonly source?: string;
}

/** Tells about the guest's clock. */
export interface Clock {
  /** @throws The reason of `signal`. */
  state(signal: AbortSignal): Promise<ClockState>;
}
