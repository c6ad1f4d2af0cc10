/**
 * Collecting garbage in step with the traffic.
 *
 * V8 lets its heap grow by some ten megabytes of dead strings before it looks for garbage: little
 * for a browser, a fifth of this agent's whole budget. Started with `--expose-gc`, as it is
 * shipped, the agent collects once for so many bytes that came or went.
 *
 * @module
 */

/** Due after so much traffic, at the next moment when nobody waits for us … */
const DUE_BYTES = 2 * 1024 * 1024;
/** … and at once after so much. */
const OVERDUE_BYTES = 8 * 1024 * 1024;

/** What a child leaves for the garbage collector beside its output: streams, promises (measured). */
export const CHILD_GARBAGE_BYTES = 16 * 1024;

const collect: unknown = Reflect.get(globalThis, "gc");
let sinceLast = 0;

/** Counts bytes of traffic. */
export function countTraffic(bytes: number): void {
  sinceLast += bytes;
  if (sinceLast >= OVERDUE_BYTES) collectNow();
}

/** Collects if it is due: called when an answer has just left and the host is busy with it. */
export function collectIfDue(): void {
  if (sinceLast >= DUE_BYTES) collectNow();
}

/** Gives freed pages back to the kernel as well: kept for later, they would be resident. */
const ALL_OF_IT = { type: "major", execution: "sync", flavor: "last-resort" } as const;

function collectNow(): void {
  sinceLast = 0;
  if (typeof collect === "function") collect(ALL_OF_IT);
}
