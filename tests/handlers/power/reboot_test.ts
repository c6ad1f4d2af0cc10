import { assertEquals } from "@std/assert";
import { reboot } from "../../../handlers/power/reboot.ts";
import { assertRefused, errorOf } from "../../agent/_host.ts";
import { Powered } from "./_powered.ts";
import { Served } from "../_served.ts";
import { COMMAND_FAILED, PERMISSION_DENIED } from "../../_error_codes.ts";

Deno.test("reboot is answered before it happens, with the default of 60 seconds", async () => {
  const powered = new Powered(reboot);
  const answer = await powered.call({});
  assertEquals(answer.result, { initiated: true, message: "Reboot initiated" });
  assertEquals(powered.events, ["answer", { action: "reboot", timeoutSeconds: 60, force: false }]);
});

Deno.test("reboot passes on the timeout and force", async () => {
  for (const [timeout_seconds, force] of [[0, false], [5, false], [86_400, true]] as const) {
    const powered = new Powered(reboot);
    await powered.call({ timeout_seconds, force });
    assertEquals(powered.events, ["answer", {
      action: "reboot",
      timeoutSeconds: timeout_seconds,
      force,
    }]);
  }
});

Deno.test("reboot is refused with -32000 while one is in progress, and nothing else happens", async () => {
  const powered = new Powered(reboot);
  await powered.call({});
  assertRefused(
    await powered.call({ force: true }),
    COMMAND_FAILED,
    /reboot is already in progress/,
  );
  assertEquals(powered.events.filter((event) => event !== "answer").length, 1);
});

Deno.test("reboot can be retried after a failure", async () => {
  const powered = new Powered(reboot);
  powered.fails = true;
  await powered.call({});
  powered.fails = false;
  const answer = await powered.call({});
  assertEquals(answer.result, { initiated: true, message: "Reboot initiated" });
});

Deno.test("reboot with invalid parameters does nothing", async () => {
  for (
    const params of [{ timeout_seconds: 86_401 }, { timeout_seconds: "60" }, { now: true }, []]
  ) {
    const powered = new Powered(reboot);
    assertEquals(errorOf(await powered.call(params)).code, -32602);
    assertEquals(powered.events, ["answer"]);
  }
});

Deno.test("reboot as a notification happens without an answer", async () => {
  const powered = new Powered(reboot);
  await powered.notify({ timeout_seconds: 1 });
  assertEquals(powered.events, [{ action: "reboot", timeoutSeconds: 1, force: false }]);
});

Deno.test("reboot is refused with -32001 by an agent in development", async () => {
  await using served = await Served.start(reboot);
  assertRefused(await served.answer({}), PERMISSION_DENIED, /power control is off/);
});
