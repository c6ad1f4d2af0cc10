import { assertEquals } from "@std/assert";
import { shutdown } from "../../../handlers/power/shutdown.ts";
import { assertRefused, errorOf } from "../../agent/_host.ts";
import { Powered } from "./_powered.ts";
import { Served } from "../_served.ts";
import { COMMAND_FAILED, PERMISSION_DENIED } from "../../_error_codes.ts";

Deno.test("shutdown is answered before it happens, with the default of 60 seconds", async () => {
  const powered = new Powered(shutdown);
  const answer = await powered.call({});
  assertEquals(answer.result, { initiated: true, message: "Shutdown initiated" });
  assertEquals(powered.events, ["answer", {
    action: "shutdown",
    timeoutSeconds: 60,
    force: false,
  }]);
});

Deno.test("shutdown passes on the timeout and force", async () => {
  for (const [timeout_seconds, force] of [[0, false], [5, false], [86_400, true]] as const) {
    const powered = new Powered(shutdown);
    await powered.call({ timeout_seconds, force });
    assertEquals(powered.events, ["answer", {
      action: "shutdown",
      timeoutSeconds: timeout_seconds,
      force,
    }]);
  }
});

Deno.test("shutdown is refused with -32000 while one is in progress, and nothing else happens", async () => {
  const powered = new Powered(shutdown);
  await powered.call({});
  assertRefused(
    await powered.call({ force: true }),
    COMMAND_FAILED,
    /shutdown is already in progress/,
  );
  assertEquals(powered.events.filter((event) => event !== "answer").length, 1);
});

Deno.test("shutdown can be retried after a failure", async () => {
  const powered = new Powered(shutdown);
  powered.fails = true;
  await powered.call({});
  powered.fails = false;
  const answer = await powered.call({});
  assertEquals(answer.result, { initiated: true, message: "Shutdown initiated" });
});

Deno.test("shutdown with invalid parameters does nothing", async () => {
  for (
    const params of [{ timeout_seconds: 86_401 }, { timeout_seconds: "60" }, { now: true }, []]
  ) {
    const powered = new Powered(shutdown);
    assertEquals(errorOf(await powered.call(params)).code, -32602);
    assertEquals(powered.events, ["answer"]);
  }
});

Deno.test("shutdown as a notification happens without an answer", async () => {
  const powered = new Powered(shutdown);
  await powered.notify({ timeout_seconds: 1 });
  assertEquals(powered.events, [{ action: "shutdown", timeoutSeconds: 1, force: false }]);
});

Deno.test("shutdown is refused with -32001 by an agent in development", async () => {
  await using served = await Served.start(shutdown);
  assertRefused(await served.answer({}), PERMISSION_DENIED, /power control is off/);
});
