/**
 * exec_command from end to end: what a command is given, and how it is ended.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { TestAgent } from "./_agent.ts";
import { assertRefused, type Host } from "./_host.ts";
import { endLeftOver, survivors } from "../_processes.ts";
import { timed, until } from "../_waiting.ts";
import { COMMAND_FAILED, NOT_FOUND, PERMISSION_DENIED, TIMEOUT } from "../_error_codes.ts";
import { isAlive } from "../_processes.ts";

const Executed = z.strictObject({
  exit_code: z.int(),
  signal: z.optional(z.string()),
  stdout: z.string(),
  stderr: z.string(),
  stdout_truncated: z.boolean(),
  stderr_truncated: z.boolean(),
  execution_time_ms: z.int(),
});

const exec = (host: Host, params: Record<string, unknown>) =>
  host.call("exec_command", params, Executed);

const shell = (script: string, ...args: string[]) => ({
  command: "sh",
  args: ["-c", script, "sh", ...args],
});

const pidsIn = (text: string) => text.trim().split(/\s+/).map(Number);

/** Asserts that processes are gone; those that are not are ended, lest they outlive the test. */
async function assertDead(pids: readonly number[]): Promise<void> {
  assert(pids.length > 0 && pids.every((pid) => pid > 1), `process ids ${pids}`);
  const alive = await survivors(pids);
  for (const pid of alive) await endLeftOver(pid);
  assertEquals(alive, [], "processes that are still alive");
}

Deno.test("a command that takes too long", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const begin = async (script: string) => {
    const id = await host.start("exec_command", { ...shell(script), timeout_seconds: 1 });
    return timed(() => host.answerTo(id));
  };
  // All at once: each of them takes seconds.
  const obeys = begin("echo $$; echo out; echo err >&2; exec sleep 300");
  const ignores = begin(
    'trap "" TERM; echo $$; sleep 300 & echo $!; ' +
      "sh -c 'echo $$; sleep 300 & echo $!; wait' & wait",
  );
  const leavesOne = begin(`sh -c 'trap "" TERM; echo $$; exec sleep 300' & echo $$; wait`);
  const stops = begin("echo $$; kill -STOP $$");
  await host.ping();

  await t.step("is ended, with what it printed in the error", async () => {
    const { value, ms } = await obeys;
    const { data } = assertRefused(value, TIMEOUT, /^sh was ended after 1 s$/);
    assert(ms >= 990 && ms < 2900, `SIGTERM was enough (${ms} ms)`);
    assertEquals([data.timeout_seconds, data.stderr], [1, "err\n"]);
    assertMatch(String(data.stdout), /^\d+\nout\n$/);
    await assertDead([Number.parseInt(String(data.stdout))]);
  });
  await t.step("is killed where it ignores SIGTERM, with all that it has started", async () => {
    const { value, ms } = await ignores;
    const { data } = assertRefused(value, TIMEOUT, /^sh was ended after 1 s$/);
    assert(ms >= 2990 && ms < 6000, `SIGKILL 2 s after SIGTERM (${ms} ms)`);
    const pids = pidsIn(String(data.stdout));
    assertEquals(pids.length, 4);
    await assertDead(pids);
  });
  await t.step("leaves no grandchild that ignores SIGTERM when it obeys itself", async () => {
    const { data } = assertRefused((await leavesOne).value, TIMEOUT, /ended/);
    const pids = pidsIn(String(data.stdout));
    assertEquals(pids.length, 2);
    await assertDead(pids);
  });
  await t.step("is ended as politely where it has stopped itself", async () => {
    const { value, ms } = await stops;
    const { data } = assertRefused(value, TIMEOUT, /ended/);
    assert(ms < 2900, `SIGTERM was enough (${ms} ms)`);
    await assertDead(pidsIn(String(data.stdout)));
  });
  await host.ping();
});

Deno.test("a command", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { files } = agent.paths;

  await t.step(
    "that leaves a child behind which holds its output is answered at once",
    async () => {
      const { value, ms } = await timed(() => exec(host, shell("sleep 300 & echo $!")));
      const pids = pidsIn(value.stdout);
      try {
        assertEquals(value.exit_code, 0);
        assert(ms < 3000, `${ms} ms`);
        assert(value.execution_time_ms < 3000);
        assert(await isAlive(pids[0] ?? 0), "what was started in the background goes on");
      } finally {
        for (const pid of pids) await endLeftOver(pid);
      }
      await host.ping();
    },
  );

  await t.step("whose child goes on printing is answered at once too", async () => {
    const script = 'echo $$; (while :; do echo noise || exit; sleep 0.01; done) & echo "$!"';
    const { value, ms } = await timed(() => exec(host, shell(script)));
    try {
      assert(ms < 5000, `${ms} ms`);
      assertEquals(value.exit_code, 0);
    } finally {
      for (const pid of pidsIn(value.stdout.replaceAll("noise", ""))) await endLeftOver(pid);
    }
  });

  await t.step("that is cancelled is ended, and answered with -32000", async () => {
    const pidFile = `${files}/cancelled.pid`;
    const script = 'sleep 300 & echo $! $$ > "$1.new"; echo begun; mv "$1.new" "$1"; wait';
    const id = await host.start("exec_command", { ...shell(script, pidFile), timeout_seconds: 60 });
    await until(() => Deno.lstat(pidFile).then(() => true, () => false), "the command to run");
    const { value, ms } = await timed(async () => {
      const Cancelled = z.strictObject({ cancelled: z.literal(true) });
      await host.call("rpc.cancel", { id }, Cancelled);
      return await host.answerTo(id);
    });
    const { data } = assertRefused(value, COMMAND_FAILED, /^cancelled by the host$/);
    assertEquals(data.stdout, "begun\n");
    assert(ms < 2000, `${ms} ms`);
    await assertDead(pidsIn(await Deno.readTextFile(pidFile)));
  });

  await t.step("that waits for input gets its end at once", async () => {
    const { value, ms } = await timed(() => exec(host, { command: "cat" }));
    assertEquals([value.exit_code, value.stdout], [0, ""]);
    assert(ms < 2000, `${ms} ms`);
  });

  await t.step("gets input of a megabyte whole", async () => {
    await using large = await TestAgent.start({ config: () => ({ max_message_size_kb: 4096 }) });
    await using other = await large.connect();
    const input = "0123456789abcdef".repeat(65_536);
    const result = await exec(other, { command: "cat", input });
    assert(result.stdout === input, "the same text");
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const binary = await exec(other, {
      command: "cat",
      input: bytes.toBase64(),
      input_encoding: "base64",
      output_encoding: "base64",
    });
    assertEquals(binary.stdout, bytes.toBase64());
  });

  await t.step("that does not read its input is not waited for", async () => {
    const input = "x".repeat(60_000);
    const { value, ms } = await timed(() => exec(host, { command: "true", input }));
    assertEquals(value.exit_code, 0);
    assert(ms < 2000, `${ms} ms`);
    const closes = { ...shell("exec <&-; sleep 0.2; echo done"), input };
    assertEquals((await exec(host, closes)).stdout, "done\n");
  });

  await t.step("that prints what is no text: replaced in utf8, exact in base64", async () => {
    const print = shell("printf '\\377\\000\\200a\\303\\251\\355\\240\\200'; printf '\\376' >&2");
    const text = await exec(host, print);
    assertEquals(text.stdout, "\ufffd\0\ufffdaé\ufffd\ufffd\ufffd");
    assertEquals(text.stderr, "\ufffd");
    assertEquals([text.stdout_truncated, text.stderr_truncated], [false, false]);
    const exact = await exec(host, { ...print, output_encoding: "base64" });
    const out = [0xff, 0, 0x80, 0x61, 0xc3, 0xa9, 0xed, 0xa0, 0x80];
    assertEquals(exact.stdout, new Uint8Array(out).toBase64());
    assertEquals(exact.stderr, new Uint8Array([0xfe]).toBase64());
  });

  await t.step("that prints a byte order mark keeps it", async () => {
    const result = await exec(host, shell("printf '\\357\\273\\277x'"));
    assertEquals(result.stdout, "\ufeffx");
  });

  await t.step("that prints more than fits is cut at a whole character", async () => {
    const many = "for i in 1 2 3 4 5 6 7 8; do s=$s$s$s$s€; done; printf '%s' \"$s\"";
    const result = await exec(host, shell(many));
    assertEquals([result.stdout_truncated, result.stderr_truncated], [true, false]);
    assertEquals(result.stdout.replaceAll("€", ""), "");
    assert(new TextEncoder().encode(host.lastLine).byteLength <= 64 * 1024);
    assert(new TextEncoder().encode(host.lastLine).byteLength > 63 * 1024);
    const exact = await exec(host, { ...shell(many), output_encoding: "base64" });
    assertEquals(exact.stdout_truncated, true);
    const bytes = Uint8Array.fromBase64(exact.stdout);
    assert(bytes.byteLength > 47_000 && host.lastLine.length <= 64 * 1024);
  });

  await t.step("that prints what JSON has to escape stays within the limit", async () => {
    const result = await exec(host, shell("head -c 60000 /dev/zero"));
    assertEquals(result.stdout_truncated, true);
    assertEquals(result.stdout.replaceAll("\0", ""), "");
    assert(host.lastLine.length <= 64 * 1024 && host.lastLine.length > 60 * 1024);
  });

  await t.step("whose output is not captured has none in its answer", async () => {
    const result = await exec(host, {
      ...shell("echo x; echo y >&2; exit 4"),
      capture_output: false,
    });
    assertEquals([result.exit_code, result.stdout, result.stderr], [4, "", ""]);
    assertEquals([result.stdout_truncated, result.stderr_truncated], [false, false]);
  });

  await t.step("that fails is a result, whatever its exit code", async () => {
    for (const code of [1, 2, 126, 127, 128, 255]) {
      const result = await exec(host, shell(`exit ${code}`));
      assertEquals([result.exit_code, result.signal], [code, undefined]);
    }
  });

  await t.step("that a signal ends has 128 + its number, and its name", async () => {
    for (const [signal, number] of [["SIGKILL", 9], ["SIGSEGV", 11], ["SIGTERM", 15]] as const) {
      const result = await exec(host, shell(`kill -${number} $$`));
      assertEquals([result.exit_code, result.signal], [128 + number, signal]);
    }
  });

  await t.step("has a clean environment and what the request adds", async () => {
    const result = await exec(host, { command: "env", env: { MINE: "a b\n=é" } });
    const home = /^HOME=.+$/m.exec(result.stdout)?.[0];
    assertEquals(result.stdout.split("\n").filter((line) => !line.startsWith("HOME=")), [
      "LANG=C.UTF-8",
      "MINE=a b",
      "=é",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "TERM=dumb",
      "",
    ]);
    assert(home !== undefined, "HOME is set");
  });

  await t.step("may have its own PATH, which does not change which program is found", async () => {
    const result = await exec(host, {
      command: "env",
      env: { PATH: files, HOME: "/h", LANG: "C" },
    });
    assertMatch(result.stdout, new RegExp(`^PATH=${files}$`, "m"));
    assertMatch(result.stdout, /^HOME=\/h$/m);
    assertMatch(result.stdout, /^LANG=C$/m);
  });

  await t.step("runs in / or in the directory that is asked for", async () => {
    assertEquals((await exec(host, { command: "pwd" })).stdout, "/\n");
    const result = await exec(host, { command: "pwd", working_directory: `${files}/../files/` });
    assertEquals(result.stdout, `${files}\n`);
  });

  await t.step("in a working directory that is missing: -32002 that names it", async () => {
    const working_directory = `${files}/nothing`;
    const answer = await host.request("exec_command", { command: "pwd", working_directory });
    assertRefused(answer, NOT_FOUND, /working directory .*\/nothing does not exist/);
    await host.ping();
  });

  await t.step("in a working directory that is a file: -32000 that says so", async () => {
    const working_directory = `${files}/file`;
    await Deno.writeTextFile(working_directory, "");
    const answer = await host.request("exec_command", { command: "pwd", working_directory });
    assertRefused(answer, COMMAND_FAILED, /working directory .*\/file is no directory/);
    await host.ping();
  });

  await t.step("that does not exist: -32002", async () => {
    for (const command of ["no-such-program", `${files}/no-such-program`]) {
      const answer = await host.request("exec_command", { command });
      const { data } = assertRefused(answer, NOT_FOUND, /no program/);
      assert(!data.reason.includes("spawn"), data.reason);
    }
  });

  await t.step("that is not executable: -32001", async () => {
    const command = `${files}/plain`;
    await Deno.writeTextFile(command, "#!/bin/sh\n", { mode: 0o644 });
    assertRefused(await host.request("exec_command", { command }), PERMISSION_DENIED, /denied/i);
    assertRefused(
      await host.request("exec_command", { command: files }),
      PERMISSION_DENIED,
      /denied/i,
    );
    await host.ping();
  });

  await t.step("whose interpreter is missing: -32002", async () => {
    const command = `${files}/script`;
    await Deno.writeTextFile(command, "#!/no/such/interpreter\n", { mode: 0o755 });
    assertRefused(await host.request("exec_command", { command }), NOT_FOUND, /interpreter/);
  });

  await t.step("is found on the fixed path alone, not in its working directory", async () => {
    await Deno.writeTextFile(`${files}/only-here`, "#!/bin/sh\necho found\n", { mode: 0o755 });
    const params = { command: "only-here", working_directory: files, env: { PATH: files } };
    assertRefused(await host.request("exec_command", params), NOT_FOUND, /no program "only-here"/);
    const command = `${files}/../files/only-here`;
    assertEquals((await exec(host, { command })).stdout, "found\n");
  });

  await t.step("with arguments that are too long for the kernel: -32000", async () => {
    await using large = await TestAgent.start({ config: () => ({ max_message_size_kb: 16_384 }) });
    await using other = await large.connect();
    const answer = await other.request("exec_command", {
      command: "true",
      args: ["x".repeat(4 * 1024 * 1024)],
    });
    assertRefused(answer, COMMAND_FAILED, /too long/i);
    await other.ping();
  });

  await t.step("has nothing of the agent's open but its three streams", async () => {
    const list = ["-c", "ls /proc/$$/fd"];
    const own = await new Deno.Command("sh", { args: list, stdin: "null" }).output();
    const { stdout } = await exec(host, { command: "sh", args: list });
    // What this test's process was itself started with goes on to all of its descendants, and what
    // other tests open at this moment may too.
    const inherited = new TextDecoder().decode(own.stdout).split("\n");
    assertEquals(stdout.split("\n").filter((descriptor) => !inherited.includes(descriptor)), []);
  });

  await t.step("leaves no zombie behind", async () => {
    for (let round = 0; round < 20; round++) await exec(host, { command: "true" });
    const children = await Deno.readTextFile(`/proc/${agent.pid}/task/${agent.pid}/children`);
    assertEquals(children.trim(), "");
  });
});
