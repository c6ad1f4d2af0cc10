import { assertEquals } from "@std/assert";
import * as z from "zod";
import { NEVER } from "../../lib/_helpers.ts";
import { qgaCommand } from "../../../handlers/qga/_command.ts";
import { LongText } from "../../../lib/base/memory/long_text.ts";
import { Caller } from "../../../lib/core/caller.ts";
import type { Context } from "../../../lib/core/method.ts";
import { configWith } from "../../lib/_helpers.ts";
import { NO_LOG } from "../../../lib/log/logger.ts";
import { memoryServices } from "../../lib/guest/_memory_guest.ts";

const context = (signal: AbortSignal): Context => ({
  ...memoryServices(),
  config: configWith({}),
  log: NO_LOG,
  methods: [],
  signal,
  resultLimitBytes: 1000,
  caller: new Caller(),
});

const SHARED = { summary: "For tests", access: "see", audited: false } as const;

for (const kept of [undefined, "one"] as const) {
  const name = kept ?? "none";
  Deno.test(`a command gets long arguments as strings, but the one that it takes: ${name}`, async () => {
    const command = qgaCommand({
      ...SHARED,
      name: "test",
      params: z.strictObject({ one: z.unknown(), other: z.unknown() }),
      ...(kept === undefined ? {} : { longArgument: kept }),
      run: ({ one, other }) => [one instanceof LongText, String(one), other],
    });
    const long = () => new LongText(new TextEncoder().encode("YWJj"));
    const result = await command.prepare({ one: long(), other: long() }).run(context(NEVER));
    assertEquals(result, [kept !== undefined, "YWJj", "YWJj"]);
  });
}

Deno.test("a command is aborted with its call, whether before or while it runs", async () => {
  const command = qgaCommand({
    ...SHARED,
    name: "test",
    params: z.strictObject({}),
    run: async (_, { signal }) => {
      if (!signal.aborted) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      }
      return signal.reason;
    },
  });
  const reason = new Error("stopped");
  assertEquals(await command.prepare({}).run(context(AbortSignal.abort(reason))), reason);
  const controller = new AbortController();
  const running = command.prepare({}).run(context(controller.signal));
  controller.abort(reason);
  assertEquals(await running, reason);
});
