import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { takeInput } from "../../../handlers/commands/_input.ts";
import { ExecParams } from "../../../handlers/commands/_params.ts";
import { execCommand } from "../../../handlers/commands/exec_command.ts";
import { commandFailed } from "../../../lib/base/errors.ts";
import { jsonBytes } from "../../../lib/base/json_text.ts";
import { HARMLESS_VARIABLES } from "../../../lib/policy/commands.ts";
import { PROGRAM_PATH } from "../../../lib/platform/linux/programs.ts";
import { NO_COMMANDS, ScriptedCommands } from "../../lib/guest/_memory_guest.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { exec } from "./_exec.ts";

// How real commands are started and killed is tested in tests/agent/commands_test.ts and
// whitelist_test.ts, and in tests/lib/platform/linux/processes.

const done = () => new ScriptedCommands({ "/bin/tool": () => ({}) });

Deno.test("exec_command finds the program of a bare name and runs it with the defaults", async () => {
  const commands = done();
  const result = await exec(commands, { command: "tool" });
  assertEquals(result, {
    exit_code: 0,
    stdout: "",
    stderr: "",
    stdout_truncated: false,
    stderr_truncated: false,
    execution_time_ms: 1,
  });
  const [run] = commands.runs;
  assert(run !== undefined);
  const { signal: _signal, outputShare, maxOutputBytes, ...options } = run;
  assertEquals(options, {
    program: "/bin/tool",
    args: [],
    workingDirectory: "/",
    env: { PATH: "/sbin:/bin", HOME: "/home/agent" },
    input: undefined,
    timeoutMs: 30_000,
  });
  assert(maxOutputBytes > 60_000 && maxOutputBytes < 64 * 1024);
  assert(outputShare?.isClosed, "its room is given back");
});

Deno.test("exec_command passes arguments, directory, time limit, variables and input on", async () => {
  const commands = done();
  await exec(commands, {
    command: "/bin/../bin/tool",
    args: ["-x", "$HOME", ""],
    working_directory: "/srv//www/",
    timeout_seconds: 7,
    env: { HOME: "/h", MINE: "1" },
    input: "é",
    capture_output: false,
  });
  const [run] = commands.runs;
  assertEquals(run?.program, "/bin/tool");
  assertEquals(run?.args, ["-x", "$HOME", ""]);
  assertEquals(run?.workingDirectory, "/srv/www");
  assertEquals(run?.timeoutMs, 7000);
  assertEquals(run?.env, { PATH: "/sbin:/bin", HOME: "/h", MINE: "1" });
  assertEquals(run?.input?.take(), new TextEncoder().encode("é"));
  assertEquals(run?.maxOutputBytes, 0);
});

Deno.test("the parameters do not hold an input that has been taken", () => {
  const params: Parameters<typeof takeInput>[0] = { input: "text", input_encoding: "utf8" };
  assertEquals(takeInput(params)?.take(), new TextEncoder().encode("text"));
  assertEquals(params, { input: undefined, input_encoding: "utf8" });
  assertEquals(takeInput(params), undefined);
});

Deno.test("exec_command decodes base64 input, and sends an empty input as such", async () => {
  const commands = done();
  const command = "tool";
  await exec(commands, { command, input: "AP8=", input_encoding: "base64" });
  await exec(commands, { command, input: "" });
  assertEquals(commands.runs.map(({ input }) => input?.take()), [
    Uint8Array.of(0, 255),
    new Uint8Array(0),
  ]);
});

Deno.test("exec_command rejects input that its encoding does not allow: -32602", async () => {
  const commands = done();
  for (
    const [params, reason] of [
      [{ input: "not base64!", input_encoding: "base64" }, "input must be base64"],
      [
        { input: "\ud800" },
        "input must not contain an unpaired surrogate, which UTF-8 cannot encode; send the bytes as base64",
      ],
    ] as const
  ) {
    const { code, data } = await rpcErrorOf(() => exec(commands, { command: "tool", ...params }));
    assertEquals(code, -32602);
    assertStringIncludes(data.reason, reason);
  }
  assertEquals(commands.runs, []);
});

Deno.test("exec_command rejects names and text that cannot be passed to a program: -32602", async () => {
  for (
    const [params, reason] of [
      [{ args: "x" }, /args must be an array/],
      [{ args: ["a", 1] }, /args\[1\]/],
      [{ args: { 0: "a" } }, /args/],
      [{ env: [] }, /env/],
      [{ env: { A: 1 } }, /env\.A/],
      [{ env: { "A\nB": "x" } }, /env.*must be letters, digits and _/],
      [{ args: ["a\0b"] }, /args.*must not contain NUL/],
      [{ args: ["\udc00"] }, /args.*must not contain an unpaired surrogate/],
      [{ env: { "A B": "x" } }, /env.*must be letters, digits and _/],
      [{ env: { "1A": "x" } }, /env.*must be letters, digits and _/],
      [{ env: { A: "\0" } }, /env.*must not contain NUL/],
      [{ working_directory: "relative" }, /working_directory must be absolute/],
      [{ timeout_seconds: 0 }, /timeout_seconds/],
    ] as const
  ) {
    const { code, data } = await rpcErrorOf(() => exec(done(), { command: "tool", ...params }));
    assertEquals(code, -32602);
    assertMatch(data.reason, reason);
  }
});

Deno.test("exec_command accepts thousands of arguments and variables without copying them", async () => {
  const commands = done();
  const args = Array.from({ length: 4096 }, (_, index) => `é${index}`);
  const env = Object.fromEntries(args.slice(0, 1000).map((_, index) => [`V${index}`, ""]));
  await exec(commands, { command: "tool", args, env });
  const [run] = commands.runs;
  assert(run?.args === args, "the very array of the request");
  assertEquals(Object.keys(run.env).length, 1002);
  args[4095] = "\ud800";
  const { data } = await rpcErrorOf(() => exec(commands, { command: "tool", args }));
  assertMatch(data.reason, /args\[4095\] must not contain an unpaired surrogate/);
});

Deno.test("exec_command refuses more arguments or variables than it takes, and looks at none of them", async () => {
  const many = Array.from({ length: 4097 }, () => 1);
  const variables = Object.fromEntries(many.slice(0, 1001).map((_, index) => [`V${index}`, 1]));
  for (
    const [params, reason] of [
      [{ args: many }, /^args must have at most 4096 members, received /],
      [{ env: variables }, /^env must have at most 1000 members$/],
    ] as const
  ) {
    const { code, data } = await rpcErrorOf(() => exec(done(), { command: "tool", ...params }));
    assertEquals(code, -32602);
    assertMatch(data.reason, reason);
  }
});

Deno.test("the variables that every command gets are not left in a request without any", async () => {
  const commands = done();
  await exec(commands, { command: "tool" });
  assertEquals(z.parse(ExecParams(), { command: "tool" }).env, {});
});

Deno.test("exec_command enforces max_command_timeout_seconds", async () => {
  const commands = done();
  const security = { max_command_timeout_seconds: 10 };
  await exec(commands, { command: "tool" }, { security });
  await exec(commands, { command: "tool", timeout_seconds: 10 }, { security });
  assertEquals(commands.runs.map(({ timeoutMs }) => timeoutMs), [10_000, 10_000]);
  const { code, data } = await rpcErrorOf(() =>
    exec(commands, { command: "tool", timeout_seconds: 11 }, { security })
  );
  assertEquals(code, -32602);
  assertEquals(
    data.reason,
    "timeout_seconds must be at most 10 (security.max_command_timeout_seconds), received 11",
  );
});

Deno.test("exec_command applies the whitelist to the program and to the variables", async () => {
  const commands = new ScriptedCommands({ "/bin/tool": () => ({}), "/bin/other": () => ({}) });
  const security = { command_whitelist: ["tool"], command_environment: ["MINE"] };
  await exec(commands, { command: "tool", env: { LANG: "C", MINE: "/x" } }, { security });
  for (const params of [{ command: "other" }, { command: "tool", env: { PATH: "/tmp" } }]) {
    assertEquals((await rpcErrorOf(() => exec(commands, params, { security }))).code, -32001);
  }
  assertEquals(commands.runs.length, 1);
});

Deno.test("exec_command returns every exit code, and the name of a signal", async () => {
  for (const code of [0, 1, 127, 255]) {
    const commands = new ScriptedCommands({ "/bin/tool": () => ({ code, stderr: "e" }) });
    const { exit_code, signal, stderr } = await exec(commands, { command: "tool" });
    assertEquals([exit_code, signal, stderr], [code, undefined, "e"]);
  }
  const commands = new ScriptedCommands({
    "/bin/tool": () => ({ code: 137, signal: "SIGKILL" }),
  });
  const { exit_code, signal } = await exec(commands, { command: "tool" });
  assertEquals([exit_code, signal], [137, "SIGKILL"]);
});

Deno.test("exec_command reports a timeout with its length, what was killed and the output", async () => {
  const commands = new ScriptedCommands({
    "/bin/tool": () => ({ endedBy: "timeout", code: 143, signal: "SIGTERM", stdout: "so far" }),
  });
  const { code, data } = await rpcErrorOf(() =>
    exec(commands, { command: "tool", timeout_seconds: 3 })
  );
  assertEquals(code, -32003);
  assertEquals(data, {
    reason: "tool did not finish within 3 s and was killed with its process group",
    timeout_seconds: 3,
    stdout: "so far",
    stderr: "",
    stdout_truncated: false,
    stderr_truncated: false,
    execution_time_ms: 1,
  });
});

Deno.test("exec_command reports if even SIGKILL did not end the command", async () => {
  const commands = new ScriptedCommands({
    "/bin/tool": () => ({ endedBy: "timeout", code: -1, isStuck: true }),
  });
  const { data } = await rpcErrorOf(() => exec(commands, { command: "tool" }));
  assertEquals(
    data.reason,
    "tool did not finish within 30 s and cannot be killed, because it is stuck in the kernel",
  );
});

Deno.test("exec_command reports a cancellation with its reason and the output", async () => {
  const commands = new ScriptedCommands({
    "/bin/tool": () => ({ endedBy: "cancellation", stdout: "so far" }),
  });
  const signal = AbortSignal.abort(commandFailed("cancelled by the host"));
  const { code, data } = await rpcErrorOf(() => exec(commands, { command: "tool" }, { signal }));
  assertEquals([code, data.reason, data.stdout], [-32000, "cancelled by the host", "so far"]);
});

Deno.test("exec_command reports a program that is missing: -32002", async () => {
  for (const command of ["missing", "/bin/missing"]) {
    assertEquals((await rpcErrorOf(() => exec(NO_COMMANDS, { command }))).code, -32002);
  }
});

Deno.test("exec_command replaces invalid UTF-8, and is exact in base64", async () => {
  const bytes = Uint8Array.of(0xff, 0, 0x80, 0x61, 0xef, 0xbb, 0xbf);
  const commands = new ScriptedCommands({ "/bin/tool": () => ({ stdout: bytes }) });
  const text = await exec(commands, { command: "tool" });
  assertEquals(text.stdout, "\ufffd\0\ufffda\ufeff");
  const exact = await exec(commands, { command: "tool", output_encoding: "base64" });
  assertEquals(Uint8Array.fromBase64(exact.stdout), bytes);
});

Deno.test("exec_command returns long output as it is, on both streams and in both encodings", async () => {
  const stdout = 'line "1"\t€😀\n'.repeat(1000);
  const stderr = "\0".repeat(3000) + "e".repeat(3000);
  const commands = new ScriptedCommands({ "/bin/tool": () => ({ stdout, stderr }) });
  const text = await exec(commands, { command: "tool" });
  assertEquals([text.stdout, text.stderr], [stdout, stderr]);
  const exact = await exec(commands, { command: "tool", output_encoding: "base64" });
  const decoded = [exact.stdout, exact.stderr].map((base64) =>
    new TextDecoder().decode(Uint8Array.fromBase64(base64))
  );
  assertEquals(decoded, [stdout, stderr]);
  assertEquals([text, exact].flatMap((one) => [one.stdout_truncated, one.stderr_truncated]), [
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("a command that is killed reports long output as text", async () => {
  const stdout = 'a "b"\n'.repeat(2000);
  const commands = new ScriptedCommands({ "/bin/tool": () => ({ endedBy: "timeout", stdout }) });
  const { data } = await rpcErrorOf(() => exec(commands, { command: "tool" }));
  assertEquals(data.stdout, stdout);
});

Deno.test("exec_command shares the room between both outputs", async () => {
  const resultLimitBytes = 4096;
  for (
    const [stdout, stderr, outTruncated, errTruncated] of [
      ["o".repeat(3000), "e".repeat(100), false, false],
      ["o".repeat(9000), "e".repeat(100), true, false],
      ["o".repeat(100), "e".repeat(9000), false, true],
      ["o".repeat(9000), "e".repeat(9000), true, true],
      ["\0".repeat(3000), "€".repeat(3000), true, true],
    ] as const
  ) {
    const commands = new ScriptedCommands({ "/bin/tool": () => ({ stdout, stderr }) });
    for (const output_encoding of ["utf8", "base64"]) {
      const params = { command: "tool", output_encoding };
      const result = await exec(commands, params, { resultLimitBytes });
      assert(jsonBytes(result.stdout) + jsonBytes(result.stderr) <= resultLimitBytes - 512);
      if (output_encoding === "base64") continue;
      assertEquals([result.stdout_truncated, result.stderr_truncated], [
        outTruncated,
        errTruncated,
      ]);
      assert(stdout.startsWith(result.stdout) && stderr.startsWith(result.stderr));
      if (outTruncated && !errTruncated) assert(result.stdout.length > 3000, "err's room is used");
    }
  }
});

Deno.test("the reference of exec_command names the search path and the safe variables", () => {
  const notes = execCommand.notes.join("\n");
  assertStringIncludes(notes, `\`${PROGRAM_PATH}\``);
  for (const name of HARMLESS_VARIABLES) assertStringIncludes(notes, `\`${name}\``);
});
