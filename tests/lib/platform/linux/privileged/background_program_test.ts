import { assertEquals, assertMatch } from "@std/assert";
import {
  type BackgroundProgramOptions,
  runBackgroundProgram,
} from "../../../../../lib/platform/linux/privileged/background_program.ts";
import { COMMAND_FAILED } from "../../../../_error_codes.ts";
import { NEVER, rpcErrorOf } from "../../../_helpers.ts";

/** Runs a program; returns its exit status and what it printed. */
async function run(
  program: string,
  args: readonly string[],
  more: Partial<BackgroundProgramOptions> = {},
) {
  const printed = { stdout: "", stderr: "" };
  const code = await runBackgroundProgram(program, args, {
    unit: "kvmmanager-agent-test.service",
    onStarted: () => Promise.resolve(),
    onOutput: (stream, bytes) => {
      printed[stream] += new TextDecoder().decode(bytes);
      return Promise.resolve();
    },
    signal: NEVER,
    ...more,
  });
  return { code, ...printed };
}

Deno.test("a program in the background has its output passed on, and a clean environment", async () => {
  const code = 'echo "$HOME $SET $(umask)"; echo problem >&2; exit 3';
  assertEquals(await run("sh", ["-c", code], { env: { SET: "value" } }), {
    code: 3,
    stdout: "/root value 0022\n",
    stderr: "problem\n",
  });
});

Deno.test("a program in the background that is not installed is an error", async () => {
  const error = await rpcErrorOf(() => run("no-such-program", []));
  assertEquals(error.code, COMMAND_FAILED);
  assertMatch(error.message, /no-such-program; install it/);
});

Deno.test("a cancelled program in the background is interrupted, and ends in its own way", async () => {
  const cancelling = new AbortController();
  let printed = "";
  const reason = new Error("cancelled");
  const code = "trap 'echo interrupted; exit 0' INT; echo ready; while :; do sleep 0.1; done";
  const ended = run("sh", ["-c", code], {
    signal: cancelling.signal,
    onOutput: (_stream, bytes) => {
      printed += new TextDecoder().decode(bytes);
      if (printed === "ready\n") cancelling.abort(reason);
      return Promise.resolve();
    },
  });
  assertEquals(await ended.catch((error) => error), reason);
  assertEquals(printed, "ready\ninterrupted\n");
});
