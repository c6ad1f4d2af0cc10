/**
 * More than is let in: the limits hold, the agent answers all the while, and is itself again after.
 * `deno task soak` does the same for a minute, on the agent as it is shipped.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { flood, neverRead, PER_SECOND } from "../../scripts/soak/overload.ts";
import { Wire } from "../../scripts/bench/wire.ts";
import { TestAgent } from "./_agent.ts";

const SECONDS = 2;
/** A machine that runs other tests beside this one. */
const SLOW_MS = 3000;

Deno.test("ten times the rate beside ten slow commands: so many are let in and all are answered", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ max_requests_per_second: PER_SECOND }),
  });
  const connect = () => Wire.connect(agent.paths.socket);
  const { sent, letIn, turnedAway, slowestMs, recoveryMs } = await flood(
    { connect },
    SECONDS,
    () => Promise.resolve(),
  );
  assert(sent > PER_SECOND * SECONDS * 5, `${sent} were sent`);
  assertEquals(letIn + turnedAway, sent, "every request was answered");
  assert(letIn >= PER_SECOND * SECONDS * 0.8, `${letIn} were let in`);
  assert(letIn <= PER_SECOND * (SECONDS + 5), `${letIn} were let in`);
  assert(slowestMs < SLOW_MS, `an answer took ${slowestMs} ms`);
  assert(recoveryMs < SLOW_MS, `served as always after ${recoveryMs} ms`);
});

Deno.test("a host that does not read for a while is served as always once it does", async () => {
  await using agent = await TestAgent.start();
  const recoveryMs = await neverRead(
    { connect: () => Wire.connect(agent.paths.socket) },
    5000,
    500,
  );
  assert(recoveryMs < SLOW_MS, `served as always after ${recoveryMs} ms`);
});
