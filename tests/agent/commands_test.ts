/**
 * exec_command end to end: what a command gets from the agent, and how it is killed.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { TestAgent } from "./_agent.ts";
import { assertRefused, type Host } from "./_host.ts";
import { endLeftOver, isAlive, survivors } from "../_processes.ts";
import { timed, until } from "../_waiting.ts";
import { COMMAND_FAILED, NOT_FOUND, PERMISSION_DENIED, TIMEOUT } from "../_error_codes.ts";

const Executed = z.strictObject({
  exit_code: z.int(),
  signal: z.optional(z.string()),
  stdout: z.string(),
  stderr: z.string(),
  stdout_truncated: z.boolean(),
  stderr_truncated: z.boolean(),
  execution_time_ms: z.int(),
});

const KILLED = /^sh did not finish within 1 s and was killed with its process group$/;

const exec = (host: Host, params: Record<string, unknown>) =>
  host.call("exec_command", params, Executed);

const shell = (script: string, ...args: string[]) => ({
  command: "sh",
  args: ["-c", script, "sh", ...args],
});

const pidsIn = (text: string) => text.trim().split(/\s+/).map(Number);

/** Asserts that processes are gone. Any that are left are killed, so that none outlives the test. */
async function assertDead(pids: readonly number[]): Promise<void> {
  assert(pids.length > 0 && pids.every((pid) => pid > 1), `process ids ${pids}`);
  const alive = await survivors(pids);
  for (const pid of alive) await endLeftOver(pid);
  assertEquals(alive, [], "processes still alive");
}

Deno.test("a command that takes too long", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const begin = async (script: string) => {
    const id = await host.start("exec_command", { ...shell(script), timeout_seconds: 1 });
    return timed(() => host.answerTo(id));
  };
  // In parallel, since each takes seconds.
  const obeys = begin("echo $$; echo out; echo err >&2; exec sleep 300");
  const ignores = begin(
    'trap "" TERM; echo $$; sleep 300 & echo $!; ' +
      "sh -c 'echo $$; sleep 300 & echo $!; wait' & wait",
  );
  const leavesOne = begin(`sh -c 'trap "" TERM; echo $$; exec sleep 300' & echo $$; wait`);
  const stops = begin("echo $$; kill -STOP $$");
  await host.ping();

  await t.step("is killed, with its output so far in the error", async () => {
    const { value, ms } = await obeys;
    const { data } = assertRefused(value, TIMEOUT, KILLED);
    assert(ms >= 990 && ms < 2900, `SIGTERM was enough (${ms} ms)`);
    assertEquals([data.timeout_seconds, data.stderr], [1, "err\n"]);
    assertMatch(String(data.stdout), /^\d+\nout\n$/);
    await assertDead([Number.parseInt(String(data.stdout))]);
  });
  await t.step("is killed with everything it started even if it ignores SIGTERM", async () => {
    const { value, ms } = await ignores;
    const { data } = assertRefused(value, TIMEOUT, KILLED);
    assert(ms >= 2990 && ms < 6000, `SIGKILL 2 s after SIGTERM (${ms} ms)`);
    const pids = pidsIn(String(data.stdout));
    assertEquals(pids.length, 4);
    await assertDead(pids);
  });
  await t.step("leaves no grandchild behind that ignores SIGTERM when it obeys", async () => {
    const { data } = assertRefused((await leavesOne).value, TIMEOUT, KILLED);
    const pids = pidsIn(String(data.stdout));
    assertEquals(pids.length, 2);
    await assertDead(pids);
  });
  await t.step("gets SIGTERM even if it has stopped itself", async () => {
    const { value, ms } = await stops;
    const { data } = assertRefused(value, TIMEOUT, KILLED);
    assert(ms < 2900, `SIGTERM was enough (${ms} ms)`);
    await assertDead(pidsIn(String(data.stdout)));
  });
  await host.ping();
});

Deno.test("a command", async (t) => {
  // Watching the guest takes a process now and then.
  await using agent = await TestAgent.start({ config: () => ({ events: { sources: ["agent"] } }) });
  await using host = await agent.connect();
  const { files } = agent.paths;

  await t.step(
    "that leaves a child behind with its output open is answered immediately",
    async () => {
      const { value, ms } = await timed(() => exec(host, shell("sleep 300 & echo $!")));
      const pids = pidsIn(value.stdout);
      try {
        assertEquals(value.exit_code, 0);
        assert(ms < 3000, `${ms} ms`);
        assert(value.execution_time_ms < 3000);
        assert(await isAlive(pids[0] ?? 0), "the background process keeps running");
      } finally {
        for (const pid of pids) await endLeftOver(pid);
      }
      await host.ping();
    },
  );

  await t.step("whose child keeps printing is answered immediately too", async () => {
    const script = 'echo $$; (while :; do echo noise || exit; sleep 0.01; done) & echo "$!"';
    const { value, ms } = await timed(() => exec(host, shell(script)));
    try {
      assert(ms < 5000, `${ms} ms`);
      assertEquals(value.exit_code, 0);
    } finally {
      for (const pid of pidsIn(value.stdout.replaceAll("noise", ""))) await endLeftOver(pid);
    }
  });

  await t.step("that is cancelled is killed, and answered with -32000", async () => {
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

  await t.step("that reads its input reaches the end immediately", async () => {
    const { value, ms } = await timed(() => exec(host, { command: "cat" }));
    assertEquals([value.exit_code, value.stdout], [0, ""]);
    assert(ms < 2000, `${ms} ms`);
  });

  await t.step("gets a megabyte of input completely", async () => {
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

  await t.step("that does not read its input does not delay the answer", async () => {
    const input = "x".repeat(60_000);
    const { value, ms } = await timed(() => exec(host, { command: "true", input }));
    assertEquals(value.exit_code, 0);
    assert(ms < 2000, `${ms} ms`);
    const closes = { ...shell("exec <&-; sleep 0.2; echo done"), input };
    assertEquals((await exec(host, closes)).stdout, "done\n");
  });

  await t.step(
    "that prints bytes that are not text: replaced in utf8, exact in base64",
    async () => {
      const print = shell("printf '\\377\\000\\200a\\303\\251\\355\\240\\200'; printf '\\376' >&2");
      const text = await exec(host, print);
      assertEquals(text.stdout, "\ufffd\0\ufffdaé\ufffd\ufffd\ufffd");
      assertEquals(text.stderr, "\ufffd");
      assertEquals([text.stdout_truncated, text.stderr_truncated], [false, false]);
      const exact = await exec(host, { ...print, output_encoding: "base64" });
      const out = [0xff, 0, 0x80, 0x61, 0xc3, 0xa9, 0xed, 0xa0, 0x80];
      assertEquals(exact.stdout, new Uint8Array(out).toBase64());
      assertEquals(exact.stderr, new Uint8Array([0xfe]).toBase64());
    },
  );

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

  await t.step("that prints what JSON must escape stays within the limit", async () => {
    const result = await exec(host, shell("head -c 60000 /dev/zero"));
    assertEquals(result.stdout_truncated, true);
    assertEquals(result.stdout.replaceAll("\0", ""), "");
    assert(host.lastLine.length <= 64 * 1024 && host.lastLine.length > 60 * 1024);
  });

  await t.step("whose output is not captured has none in the answer", async () => {
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

  await t.step("killed by a signal has exit code 128 + its number, and its name", async () => {
    for (const [signal, number] of [["SIGKILL", 9], ["SIGSEGV", 11], ["SIGTERM", 15]] as const) {
      const result = await exec(host, shell(`kill -${number} $$`));
      assertEquals([result.exit_code, result.signal], [128 + number, signal]);
    }
  });

  await t.step("has a clean environment plus what the request adds", async () => {
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

  await t.step(
    "may get a different PATH, which does not change which program is found",
    async () => {
      const result = await exec(host, {
        command: "env",
        env: { PATH: files, HOME: "/h", LANG: "C" },
      });
      assertMatch(result.stdout, new RegExp(`^PATH=${files}$`, "m"));
      assertMatch(result.stdout, /^HOME=\/h$/m);
      assertMatch(result.stdout, /^LANG=C$/m);
    },
  );

  await t.step("runs in / or in the requested directory", async () => {
    assertEquals((await exec(host, { command: "pwd" })).stdout, "/\n");
    const result = await exec(host, { command: "pwd", working_directory: `${files}/../files/` });
    assertEquals(result.stdout, `${files}\n`);
  });

  await t.step("in a missing working directory: -32002 that names it", async () => {
    const working_directory = `${files}/nothing`;
    const answer = await host.request("exec_command", { command: "pwd", working_directory });
    assertRefused(answer, NOT_FOUND, /working directory .*\/nothing does not exist/);
    await host.ping();
  });

  await t.step("in a working directory that is a file: -32000 that says so", async () => {
    const working_directory = `${files}/file`;
    await Deno.writeTextFile(working_directory, "");
    const answer = await host.request("exec_command", { command: "pwd", working_directory });
    assertRefused(answer, COMMAND_FAILED, /working directory .*\/file is not a directory$/);
    await host.ping();
  });

  await t.step("that does not exist: -32002", async () => {
    for (const command of ["no-such-program", `${files}/no-such-program`]) {
      const answer = await host.request("exec_command", { command });
      const { data } = assertRefused(answer, NOT_FOUND, /program not found/);
      assert(!data.reason.includes("spawn"), data.reason);
    }
  });

  await t.step("that is not a program is refused with the reason", async () => {
    const elf = new Uint8Array(64);
    elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    // s390x, which this machine is not.
    elf.set([22], 18);
    const contents: [name: string, content: string | Uint8Array, mode: number][] = [
      ["plain", "#!/bin/sh\n", 0o644],
      ["script", "#! /no/such/interpreter -x\n", 0o755],
      ["dos", "#!/bin/sh\r\n", 0o755],
      ["elf", elf, 0o755],
      ["data", Uint8Array.of(1, 0, 2, 0, 10), 0o755],
    ];
    for (const [name, content, mode] of contents) {
      await Deno.writeFile(
        `${files}/${name}`,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
        { mode },
      );
    }
    await Deno.symlink("nowhere", `${files}/dangling`);
    await Deno.symlink("loop", `${files}/loop`);
    const refusals: [name: string, code: number, reason: RegExp][] = [
      ["plain", PERMISSION_DENIED, /\/plain is not executable for the agent's user$/],
      ["", PERMISSION_DENIED, /\/files is a directory, not a program$/],
      ["script", NOT_FOUND, /needs its interpreter \/no\/such\/interpreter, which does not exist$/],
      ["dos", NOT_FOUND, /needs its interpreter "\/bin\/sh\\r", which does not exist$/],
      ["elf", COMMAND_FAILED, /it is an ELF file for another processor \(machine 22\)$/],
      ["data", COMMAND_FAILED, /it is binary data in an unknown format$/],
      ["dangling", NOT_FOUND, /\/dangling is a symbolic link to a file that does not exist$/],
      ["loop", COMMAND_FAILED, /could not be started: Too many levels of symbolic links$/],
      ["plain/x", COMMAND_FAILED, /could not be started: Not a directory$/],
    ];
    for (const [name, code, reason] of refusals) {
      const command = `${files}/${name}`;
      assertRefused(await host.request("exec_command", { command }), code, reason);
    }
    await host.ping();
  });

  await t.step("that is a script without #! is run by the shell", async () => {
    const command = `${files}/bare`;
    await Deno.writeTextFile(command, "echo ran; exit 2\n", { mode: 0o755 });
    const { stdout, exit_code } = await exec(host, { command });
    assertEquals([stdout, exit_code], ["ran\n", 2]);
  });

  await t.step("that fails like a shell is still a result", async () => {
    const { exit_code, stderr } = await exec(host, {
      ...shell('echo "$0: 1: x: not found" >&2; exit 127'),
    });
    assertEquals([exit_code, stderr], [127, "sh: 1: x: not found\n"]);
    const listing = await exec(host, { command: "/bin/ls", args: ["/no/such/file"] });
    assertEquals(listing.exit_code, 2);
  });

  await t.step("is found only on the fixed path, not in its working directory", async () => {
    await Deno.writeTextFile(`${files}/only-here`, "#!/bin/sh\necho found\n", { mode: 0o755 });
    const params = { command: "only-here", working_directory: files, env: { PATH: files } };
    assertRefused(
      await host.request("exec_command", params),
      NOT_FOUND,
      /program not found: "only-here"/,
    );
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
    assertRefused(
      answer,
      COMMAND_FAILED,
      /true could not be started: Argument list too long; args, env and the program's path are/,
    );
    await other.ping();
  });

  await t.step("has only its three streams open", async () => {
    const list = ["-c", "ls /proc/$$/fd"];
    const own = await new Deno.Command("sh", { args: list, stdin: "null" }).output();
    const { stdout } = await exec(host, { command: "sh", args: list });
    // Every descendant inherits what this test's process was started with, and perhaps what other
    // tests have open at the moment.
    const inherited = new TextDecoder().decode(own.stdout).split("\n");
    assertEquals(stdout.split("\n").filter((descriptor) => !inherited.includes(descriptor)), []);
  });

  await t.step("leaves no zombie behind", async () => {
    for (let round = 0; round < 20; round++) await exec(host, { command: "true" });
    const children = await Deno.readTextFile(`/proc/${agent.pid}/task/${agent.pid}/children`);
    assertEquals(children.trim(), "");
  });
});

/** Prints what the shell's descriptors refer to, such as `pipe:[123]`. */
const OPEN_FILES = 'for fd in /proc/$$/fd/*; do readlink "$fd"; done; :';

for (const channel of ["stdio", "listen"] as const) {
  Deno.test(`a command has no descriptor of the agent's channel (${channel})`, async () => {
    await using agent = await TestAgent.start({ channel });
    const host = channel === "stdio" ? agent.stdio : await agent.connect();
    await host.ping();
    const held = new Set<string>();
    for await (const { name } of Deno.readDir(`/proc/${agent.pid}/fd`)) {
      // Some are closed while they are listed.
      const target = await Deno.readLink(`/proc/${agent.pid}/fd/${name}`).catch(() => "");
      if (/^(pipe|socket|anon_inode):/.test(target)) held.add(target);
    }
    assert(held.size > 2, "the channel is among them");
    // The agent's log and what this test's process passes on do not lead to the channel.
    const inherited = await new Deno.Command("sh", {
      args: ["-c", OPEN_FILES],
      stdin: "null",
    }).output();
    const harmless = new TextDecoder().decode(inherited.stdout).split("\n");
    for (const capture_output of [true, false]) {
      const path = `${agent.paths.files}/open-${capture_output}`;
      const list = `exec 3>"$1"; { ${OPEN_FILES}; } >&3`;
      const { exit_code } = await exec(host, {
        ...shell(list, path),
        input: "x",
        capture_output,
      });
      assertEquals(exit_code, 0);
      const open = (await Deno.readTextFile(path)).trim().split("\n");
      assert(open.length >= 3, open.join());
      assertEquals(open.filter((one) => held.has(one) && !harmless.includes(one)), []);
    }
    if (channel === "listen") await host.close();
  });
}

Deno.test("a command runs with the agent's user, groups, umask and limits", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const status = (await exec(host, { command: "cat", args: ["/proc/self/status"] })).stdout;
  const own = await Deno.readTextFile(`/proc/${agent.pid}/status`);
  const line = (text: string, name: string) => new RegExp(`^${name}:.*$`, "m").exec(text)?.[0];
  for (const name of ["Uid", "Gid", "Groups", "Umask", "CapEff", "CapBnd", "NoNewPrivs"]) {
    assert(line(own, name) !== undefined, name);
    assertEquals(line(status, name), line(own, name));
  }
  const limits = (await exec(host, { command: "cat", args: ["/proc/self/limits"] })).stdout;
  assertMatch(limits, /^Max open files /m);
  assertEquals(limits, await Deno.readTextFile(`/proc/${agent.pid}/limits`));
});

Deno.test("a command has no signal blocked, and a broken pipe kills it", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { stdout } = await exec(host, { command: "cat", args: ["/proc/self/status"] });
  const mask = (name: string) =>
    BigInt(`0x${new RegExp(`^${name}:\\s+(\\w+)$`, "m").exec(stdout)?.[1]}`);
  assertEquals(mask("SigBlk"), 0n);
  const SIGPIPE = 13n;
  assertEquals(mask("SigIgn") >> (SIGPIPE - 1n) & 1n, 0n);
});

Deno.test("a command's outputs are separate, and its time is measured", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; sleep 0.3";
  const { value, ms } = await timed(() => exec(host, shell(script)));
  assertEquals(value.stdout, "out 1\nout 2\nout 3\n");
  assertEquals(value.stderr, "err 1\nerr 2\nerr 3\n");
  assert(value.execution_time_ms >= 300 && value.execution_time_ms <= ms + 1, `${ms} ms`);
});
