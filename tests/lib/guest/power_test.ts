import { assertEquals, assertRejects } from "@std/assert";
import { NO_POWER, Power, type PowerProvider } from "../../../lib/guest/power.ts";
import { rpcErrorOf } from "../_helpers.ts";
import { RecordingPower } from "./_memory_guest.ts";

const { signal } = new AbortController();
const SHUTDOWN = { action: "shutdown", timeoutSeconds: 60, force: false } as const;
const REBOOT = { action: "reboot", timeoutSeconds: 0, force: true } as const;

Deno.test("Power acts when it is told to, not when it accepts", async () => {
  const provider = new RecordingPower();
  const power = new Power(provider);
  assertEquals(power.isAvailable, true);
  const accepted = await power.accept(SHUTDOWN, signal);
  assertEquals(provider.requests, []);
  await accepted.run();
  assertEquals(provider.requests, [SHUTDOWN]);
});

Deno.test("Power refuses a second request while one is under way, and says which", async () => {
  for (const [first, second] of [[SHUTDOWN, REBOOT], [REBOOT, SHUTDOWN], [REBOOT, REBOOT]]) {
    const provider = new RecordingPower();
    const power = new Power(provider);
    if (first === undefined || second === undefined) continue;
    const accepted = await power.accept(first, signal);
    for (const when of ["accepted", "done"]) {
      const error = await rpcErrorOf(() => power.accept(second, signal));
      assertEquals([error.code, error.data.reason], [
        -32000,
        `a ${first.action} is already in progress`,
      ], when);
      if (when === "accepted") await accepted.run();
    }
    assertEquals(provider.requests, [first]);
  }
});

Deno.test("Power takes another request after one that failed", async () => {
  let isBroken = true;
  const done: string[] = [];
  const provider: PowerProvider = {
    unavailable: undefined,
    check: () => Promise.resolve(undefined),
    request: ({ action }) => {
      if (isBroken) return Promise.reject(new Error("no such unit"));
      done.push(action);
      return Promise.resolve();
    },
  };
  const power = new Power(provider);
  const accepted = await power.accept(SHUTDOWN, signal);
  await assertRejects(() => accepted.run(), Error, "no such unit");
  isBroken = false;
  await (await power.accept(REBOOT, signal)).run();
  assertEquals(done, ["reboot"]);
});

Deno.test("Power without a way to do it answers -32001 and does nothing", async () => {
  const power = new Power(NO_POWER);
  assertEquals(power.isAvailable, false);
  for (const request of [SHUTDOWN, REBOOT]) {
    const error = await rpcErrorOf(() => power.accept(request, signal));
    assertEquals(error.code, -32001);
  }
  await assertRejects(() => NO_POWER.request(SHUTDOWN), Error);
});

Deno.test("Power asks the provider each time whether it can be done now", async () => {
  const provider = new RecordingPower();
  const power = new Power(provider);
  provider.obstacle = "the unit is not active";
  const error = await rpcErrorOf(() => power.accept(SHUTDOWN, signal));
  assertEquals([error.code, error.data.reason], [-32001, "the unit is not active"]);
  provider.obstacle = undefined;
  await (await power.accept(SHUTDOWN, signal)).run();
  assertEquals(provider.requests, [SHUTDOWN]);
});

Deno.test("Power takes another request after one that was dropped", async () => {
  const provider = new RecordingPower();
  const power = new Power(provider);
  (await power.accept(SHUTDOWN, signal)).drop();
  await (await power.accept(REBOOT, signal)).run();
  assertEquals(provider.requests, [REBOOT]);
});
