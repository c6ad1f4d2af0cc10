/**
 * Collecting garbage in step with the traffic.
 *
 * V8 lets its heap grow by some ten megabytes of dead strings before it looks for garbage: little
 * for a browser, a fifth of this agent's whole budget. Started with `--expose-gc`, as it is
 * shipped, the agent collects once for so many bytes that came or went.
 *
 * @module
 */

const COLLECT_AFTER_BYTES = 2 * 1024 * 1024;

const collect: unknown = Reflect.get(globalThis, "gc");
let sinceLast = 0;

/** Counts bytes of traffic, and collects when there were enough. */
export function countTraffic(bytes: number): void {
  sinceLast += bytes;
  if (sinceLast < COLLECT_AFTER_BYTES) return;
  sinceLast = 0;
  if (typeof collect === "function") collect();
}
