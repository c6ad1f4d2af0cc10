/**
 * The agent of the arm64 tarball under QEMU's user emulation. One agent for everything that can share
 * it: a start takes ten seconds of a processor.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { VERSION } from "../../lib/base/version.ts";
import { sendCommand } from "../../lib/platform/linux/monitor_client.ts";
import {
  INVALID_PARAMS,
  METHOD_NOT_FOUND,
  NOT_FOUND,
  PARSE_ERROR,
  PERMISSION_DENIED,
  TIMEOUT,
} from "../_error_codes.ts";
import { TestAgent } from "../agent/_agent.ts";
import { assertRefused, errorOf } from "../agent/_host.ts";
import { survivors } from "../_processes.ts";

const Executed = z.looseObject({
  exit_code: z.int(),
  stdout: z.string(),
  stderr: z.string(),
  stdout_truncated: z.boolean(),
});
const PIECE_BYTES = 40_000;

Deno.test("the agent for arm64, on a socket", async (t) => {
  await using agent = await TestAgent.start({
    config: ({ directory }) => ({
      command_monitor: { enabled: true, pipe_path: `${directory}/monitor.sock` },
    }),
    prepare: ({ files }) => Deno.symlink("/etc/passwd", `${files}/link`),
  });
  await using host = await agent.connect();
  const { files } = agent.paths;
  const exec = (command: string, ...args: string[]) =>
    host.call("exec_command", { command, args }, Executed);

  await t.step("is confined to its configuration by Deno, without a JIT compiler", async () => {
    const lines = agent.log.filter(({ message }) => /confined/.test(message));
    assertEquals(lines.length, 1);
    assertMatch(lines[0]?.message ?? "", /^confined: /);
    const words = (await Deno.readTextFile(`/proc/${agent.pid}/cmdline`)).split("\0");
    assertMatch(words[0] ?? "", /qemu-aarch64/, "the process is the emulator");
    const net = words.filter((word) => word.startsWith("--allow-net"));
    assertEquals(net.length, 1);
    for (const grant of net[0]?.replace("--allow-net=", "").split(",") ?? []) {
      assert(grant.startsWith(`unix:${agent.paths.directory}/`), grant);
    }
    assert(words.some((word) => word.startsWith("--v8-flags=--jitless")), words.join(" "));
    assert(!words.includes("-A") && !words.includes("--allow-all"), words.join(" "));
  });

  await t.step("announces itself, answers ping and describes itself", async () => {
    assertEquals(await host.next(), {
      jsonrpc: "2.0",
      method: "agent_ready",
      params: { version: VERSION, platform: "linux" },
    });
    await host.ping();
    const Info = z.looseObject({ version: z.string(), capabilities: z.array(z.string()) });
    const info = await host.call("get_agent_info", undefined, Info);
    assertEquals(info.version, VERSION);
    assert(info.capabilities.includes("exec_command"), info.capabilities.join());
  });

  await t.step("reads facts: the system, the network, the disks", async () => {
    const System = z.looseObject({
      hostname: z.string(),
      architecture: z.string(),
      total_memory_kb: z.int(),
    });
    const system = await host.call("get_system_info", undefined, System);
    assertEquals([system.hostname, system.architecture], [Deno.hostname(), "aarch64"]);
    assertEquals(system.total_memory_kb, Math.floor(Deno.systemMemoryInfo().total / 1024));
    const Network = z.looseObject({
      interfaces: z.array(z.looseObject({ name: z.string(), ipv4_addresses: z.array(z.string()) })),
    });
    const { interfaces } = await host.call("get_network_info", undefined, Network);
    const lo = interfaces.find(({ name }) => name === "lo");
    assertEquals(lo?.ipv4_addresses, ["127.0.0.1/8"]);
    const Disks = z.looseObject({
      filesystems: z.array(z.looseObject({ mount_point: z.string(), total_bytes: z.int() })),
    });
    const { filesystems } = await host.call("get_disk_usage", undefined, Disks);
    assert(filesystems.some(({ total_bytes }) => total_bytes > 0), JSON.stringify(filesystems));
  });

  await t.step(
    "runs commands of this machine, with output, errors, status and signal",
    async () => {
      const { exit_code, stdout, stderr } = await exec(
        "sh",
        "-c",
        "echo out; echo err >&2; exit 3",
      );
      assertEquals({ exit_code, stdout, stderr }, {
        exit_code: 3,
        stdout: "out\n",
        stderr: "err\n",
      });
      // The shell is no arm64 program: QEMU passes execve(2) on.
      assertEquals((await exec("uname", "-m")).stdout, `${Deno.build.arch}\n`);
      const missing = await host.request("exec_command", { command: "no-such-program" });
      assertEquals(errorOf(missing).code, NOT_FOUND);
    },
  );

  await t.step("cuts long output, and ends what overruns its time with its children", async () => {
    const long = await exec("head", "-c", "1000000", "/dev/zero");
    assertEquals([long.exit_code, long.stdout_truncated], [0, true]);
    const answer = await host.request("exec_command", {
      command: "sh",
      args: ["-c", 'sleep 4321 & echo $! > "$0/child"; wait', files],
      timeout_seconds: 2,
    });
    assertEquals(errorOf(answer).code, TIMEOUT);
    const child = Number(await Deno.readTextFile(`${files}/child`));
    assert(child > 1);
    assertEquals(await survivors([child]), []);
  });

  await t.step("writes and reads files, whole and in pieces", async () => {
    const path = `${files}/folder/file`;
    const Written = z.looseObject({ bytes_written: z.int() });
    const text = "words and ümläuts";
    await host.call("file_write", { path, content: text, create_dirs: true }, Written);
    assertEquals(await Deno.readTextFile(path), text);
    const Read = z.looseObject({ content: z.string() });
    assertEquals((await host.call("file_read", { path }, Read)).content, text);
    const bytes = crypto.getRandomValues(new Uint8Array(PIECE_BYTES));
    const pieces = { path: `${files}/pieces`, encoding: "base64" };
    for (const offset of [0, PIECE_BYTES]) {
      await host.call(
        "file_write",
        { ...pieces, content: bytes.toBase64(), offset },
        Written,
      );
    }
    assertEquals(await Deno.readFile(pieces.path), Uint8Array.of(...bytes, ...bytes));
    const piece = { ...pieces, offset: PIECE_BYTES, length: PIECE_BYTES };
    assertEquals((await host.call("file_read", piece, Read)).content, bytes.toBase64());
  });

  await t.step("refuses paths outside, links, and what the broker would do", async () => {
    for (const path of ["/etc/shadow", `${files}/../config.json`, `${files}/link`]) {
      const answer = await host.request("file_read", { path });
      assert([PERMISSION_DENIED, INVALID_PARAMS].includes(errorOf(answer).code), path);
    }
    assertEquals((await Deno.lstat("/etc/passwd")).isFile, true);
    for (const method of ["shutdown", "reboot"]) {
      assertRefused(await host.request(method), PERMISSION_DENIED, /power control is off/);
    }
  });

  await t.step("answers bad lines and keeps to its limits", async () => {
    assertEquals(errorOf(await host.ask("{nonsense")).code, PARSE_ERROR);
    const unknown = await host.request("no_such_method");
    assertEquals(errorOf(unknown).code, METHOD_NOT_FOUND);
    const invalid = await host.request("exec_command", { command: 5 });
    assertEquals(errorOf(invalid).code, INVALID_PARAMS);
    await host.ask(`{"jsonrpc":"2.0","method":"ping","id":1,"params":"${"x".repeat(100_000)}"}`);
    await host.ping();
    const waiting = Array.from({ length: 12 }, () =>
      host.start("exec_command", {
        command: "sh",
        args: ["-c", 'echo >> "$0/begun"; until [ -e "$0/release" ]; do sleep 0.1; done', files],
      }));
    const ids = await Promise.all(waiting);
    while ((await Deno.readTextFile(`${files}/begun`).catch(() => "")).length < 10) {
      await host.ping();
    }
    assertEquals((await Deno.readTextFile(`${files}/begun`)).length, 10);
    await Deno.writeTextFile(`${files}/release`, "");
    for (const id of ids) assertEquals((await host.answerTo(id)).error, undefined);
  });

  await t.step("runs a job and keeps its output", async () => {
    const job = { job_id: "one", command: "sh", args: ["-c", "echo working; exit 4"] };
    await host.call("job_start", job, z.looseObject({}));
    const Output = z.looseObject({
      output: z.array(z.looseObject({ stream: z.string(), data: z.string() })),
      cursor: z.string(),
      eof: z.boolean(),
      exit_code: z.optional(z.int()),
    });
    let printed = "";
    let cursor: string | undefined;
    for (;;) {
      const params = { job_id: "one", cursor, wait_seconds: 10 };
      const read = await host.call("job_read", params, Output);
      printed += read.output.map(({ stream, data }) => `${stream}: ${data}`).join("");
      cursor = read.cursor;
      if (!read.eof) continue;
      assertEquals([printed, read.exit_code], ["stdout: working\n", 4]);
      break;
    }
  });

  await t.step("programs of the guest reach it through the monitor's socket", async () => {
    await sendCommand(`${agent.paths.directory}/monitor.sock`, {
      Name: "agent.SendEvent",
      Event: "backup.done",
      Data: { files: 3 },
    });
    const event = await host.take(
      (line) => JSON.stringify(line).includes("backup.done"),
      "the event",
    );
    assertMatch(JSON.stringify(event), /"files":3/);
  });
});

Deno.test("the agent for arm64, on standard input and output, starts with known permissions", async () => {
  await using agent = await TestAgent.start({ channel: "stdio", flags: (args) => args });
  await agent.stdio.ping();
});
