/**
 * What the agent watches in the guest: the interface that every platform implements.
 *
 * Each question is cheap, since it is asked again and again; what the guest cannot tell is absent.
 *
 * @module
 */

/** What may change at any moment. */
export interface QuickLook {
  /** The operational state of each network interface, by name. */
  readonly links?: ReadonlyMap<string, string>;
  /** Each address of each interface, as `NAME ADDRESS/PREFIX`. */
  readonly addresses?: ReadonlySet<string>;
  /** The hardware clock, in seconds. It goes on while the guest does not run. */
  readonly hardwareClockSeconds?: number;
}

/** What changes rarely. */
export interface SlowLook {
  /** How many processes the kernel has killed because memory ran out, since the guest started. */
  readonly memoryKills?: number;
  /** The units that have failed. */
  readonly failedUnits?: readonly string[];
}

/** Looks at the guest. Both methods throw what reading facts throws. */
export interface Watch extends AsyncDisposable {
  quick(signal: AbortSignal): Promise<QuickLook>;
  slow(signal: AbortSignal): Promise<SlowLook>;
}
