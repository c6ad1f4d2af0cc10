import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { execCommand } from "../../../handlers/commands/exec_command.ts";
import { timed } from "../../_waiting.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

// What commands are given and how they are ended is tested in tests/agent/commands_test.ts and
// whitelist_test.ts; here are the results.

const Result = z.strictObject({
  exit_code: z.int(),
  signal: z.optional(z.string()),
  stdout: z.string(),
  stderr: z.string(),
  stdout_truncated: z.boolean(),
  stderr_truncated: z.boolean(),
  execution_time_ms: z.int(),
});

Deno.test("exec_command returns what the program prints when it is run by hand", async () => {
  await using served = await Served.start(execCommand);
  for (const [command, ...args] of [["uname", "-a"], ["id"], ["ls", "-l", "/etc"], ["df", "-T"]]) {
    const { stdout, stderr, exit_code } = await served.call({ command, args }, Result);
    assertEquals([exit_code, stderr], [0, ""]);
    // Free space changes between the two runs; names do not.
    const comparable = (text: string) => command === "df" ? text.split("\n").length : text.trim();
    assertEquals(comparable(stdout.trim()), comparable(await tool(command ?? "", ...args)));
  }
});

Deno.test("exec_command runs as the agent's user, in its groups, with its limits", async () => {
  await using served = await Served.start(execCommand);
  const status = await served.call({ command: "cat", args: ["/proc/self/status"] }, Result);
  const line = (text: string, name: string) => new RegExp(`^${name}:.*$`, "m").exec(text)?.[0];
  const own = await Deno.readTextFile(`/proc/${served.agent.pid}/status`);
  for (const name of ["Uid", "Gid", "Groups", "Umask", "CapEff"]) {
    assertEquals(line(status.stdout, name), line(own, name));
  }
});

Deno.test("exec_command blocks no signal in its child, and lets a broken pipe end it", async () => {
  await using served = await Served.start(execCommand);
  const { stdout } = await served.call({ command: "cat", args: ["/proc/self/status"] }, Result);
  const mask = (name: string) =>
    BigInt(`0x${new RegExp(`^${name}:\\s+(\\w+)$`, "m").exec(stdout)?.[1]}`);
  assertEquals(mask("SigBlk"), 0n);
  const SIGPIPE = 13n;
  assertEquals(mask("SigIgn") >> (SIGPIPE - 1n) & 1n, 0n);
});

Deno.test("exec_command makes its child the leader of a process group of its own", async () => {
  await using served = await Served.start(execCommand);
  const { stdout } = await served.call({
    command: "sh",
    args: ["-c", "echo $$; cut -d' ' -f5 /proc/$$/stat"],
  }, Result);
  const [pid, group] = stdout.trim().split("\n");
  assertEquals(group, pid);
});

Deno.test("exec_command measures how long it took", async () => {
  await using served = await Served.start(execCommand);
  const { value, ms } = await timed(() => served.call({ command: "sleep", args: ["0.3"] }, Result));
  assert(value.execution_time_ms >= 300 && value.execution_time_ms <= ms + 1, `${ms} ms`);
});

Deno.test("exec_command keeps both outputs apart", async () => {
  await using served = await Served.start(execCommand);
  const script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done";
  const result = await served.call({ command: "sh", args: ["-c", script] }, Result);
  assertEquals(result.stdout, "out 1\nout 2\nout 3\n");
  assertEquals(result.stderr, "err 1\nerr 2\nerr 3\n");
});
