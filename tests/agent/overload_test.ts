/**
 * Overload: the limits hold, the agent keeps answering, and recovers afterwards. `deno task soak`
 * does the same for a minute, on the agent as it is shipped.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { flood, neverRead, PER_SECOND } from "../../scripts/soak/overload.ts";
import { Wire } from "../../scripts/bench/wire.ts";
import { TestAgent } from "./_agent.ts";

const SECONDS = 2;
/** Generous, for a machine that runs other tests at the same time. */
const SLOW_MS = 10_000;

Deno.test("at ten times the rate, beside ten slow commands, the limit holds and every request is answered", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ max_requests_per_second: PER_SECOND }),
  });
  const connect = () => Wire.connect(agent.paths.socket);
  const { sent, seconds, letIn, turnedAway, slowestMs, recoveryMs } = await flood(
    { connect },
    SECONDS,
    () => Promise.resolve(),
  );
  assert(sent > PER_SECOND * SECONDS * 5, `${sent} were sent`);
  assertEquals(letIn + turnedAway, sent, "every request was answered");
  assert(letIn >= PER_SECOND * SECONDS * 0.8, `${letIn} were let in`);
  assert(letIn <= PER_SECOND * (seconds + 1), `${letIn} were accepted within ${seconds} s`);
  assert(slowestMs < SLOW_MS, `an answer took ${slowestMs} ms`);
  assert(recoveryMs < SLOW_MS, `served normally after ${recoveryMs} ms`);
});

Deno.test("a host that stalled is served normally once it reads again", async () => {
  await using agent = await TestAgent.start();
  const recoveryMs = await neverRead(
    { connect: () => Wire.connect(agent.paths.socket) },
    5000,
    500,
  );
  assert(recoveryMs < SLOW_MS, `served normally after ${recoveryMs} ms`);
});
