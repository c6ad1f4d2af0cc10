/**
 * What `kvmmanager-agent doctor` finds.
 *
 * @module
 */

/** One thing that was examined. */
export interface Finding {
  readonly about: string;
  readonly verdict: "right" | "wrong" | "unknown";
  readonly found: string;
  /** What to do about it; absent if all is right. */
  readonly advice?: string;
}
