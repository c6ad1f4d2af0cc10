import { assertEquals, assertRejects } from "@std/assert";
import * as z from "zod";
import { asRoot, operation, runOrFail } from "../../../lib/privileged/operation.ts";
import { COMMAND_FAILED } from "../../_error_codes.ts";
import { rpcErrorOf } from "../_helpers.ts";
import { ScriptedRoot } from "./_scripted_root.ts";

const running = (program: string) =>
  asRoot(
    operation({
      name: "test",
      group: "time",
      params: () => z.strictObject({ secret: z.optional(z.int()) }),
      result: () => z.string(),
      hidden: ["secret"],
      target: () => ({}),
    }),
    {
      programs: ["date"],
      run: (_params, root) => runOrFail(root, program, ["--utc"], { input: "in" }),
    },
  );

Deno.test("an operation runs its own programs, with their input", async () => {
  const root = new ScriptedRoot(() => ({ stdout: "now" }));
  assertEquals(await running("date").prepare({}).run(root), "now");
  assertEquals(root.runs, [{ program: "date", args: ["--utc"], input: "in" }]);
});

Deno.test("an operation cannot run a program that it does not list", async () => {
  const root = new ScriptedRoot();
  await assertRejects(async () => await running("sh").prepare({}).run(root), Error, "sh");
  assertEquals(root.runs, []);
});

Deno.test("a program that fails is explained by the first line of its errors", async () => {
  const root = new ScriptedRoot(() => ({ code: 3, stderr: "date: no\nmore\n" }));
  const error = await rpcErrorOf(() => running("date").prepare({}).run(root));
  assertEquals([error.code, error.data.reason, error.data.exit_code], [
    COMMAND_FAILED,
    "date failed: date: no",
    3,
  ]);
});

Deno.test("an error never repeats a hidden parameter", async () => {
  const error = await rpcErrorOf(() => running("date").prepare({ secret: "hunter2" }));
  assertEquals(JSON.stringify(error.data).includes("hunter2"), false);
});
