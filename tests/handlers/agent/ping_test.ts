import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { ping } from "../../../handlers/agent/ping.ts";
import { assertRefused } from "../../agent/_host.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

const Result = z.strictObject({ pong: z.literal(true), timestamp: z.int() });

Deno.test("ping returns the guest's clock in whole seconds", async () => {
  await using served = await Served.start(ping);
  const before = Number(await tool("date", "+%s"));
  const { timestamp } = await served.call(undefined, Result);
  const after = Number(await tool("date", "+%s"));
  assert(timestamp >= before && timestamp <= after, `${before} <= ${timestamp} <= ${after}`);
});

Deno.test("ping takes no parameters, an empty object or none", async () => {
  await using served = await Served.start(ping);
  assertEquals((await served.call({}, Result)).pong, true);
  assertRefused(await served.answer({ echo: 1 }), -32602, /^echo is unknown/);
});
