/**
 * Prints how many bytes of garbage one child process leaves in V8's heap. Run with `--expose-gc` and
 * a young generation so large that nothing is collected in between.
 *
 * @module
 */

import { runChild } from "../../../../lib/platform/linux/processes/run_child.ts";

const CHILDREN = 50;

const collect: unknown = Reflect.get(globalThis, "gc");
if (typeof collect !== "function") throw new Error("needs --v8-flags=--expose-gc");

const run = () =>
  runChild({
    program: "/bin/true",
    args: [],
    workingDirectory: "/",
    env: {},
    maxOutputBytes: 1000,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
  });

// The first ones load code and fill caches.
for (let count = 0; count < 10; count++) await run();
collect();
for (let count = 0; count < CHILDREN; count++) await run();
const before = Deno.memoryUsage().heapUsed;
collect();
const garbage = before - Deno.memoryUsage().heapUsed;
await Deno.stdout.write(new TextEncoder().encode(`${Math.round(garbage / CHILDREN)}\n`));
