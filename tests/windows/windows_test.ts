/**
 * The agent in Wine: one Windows for all, since starting it takes longer than any of the tests.
 *
 * @module
 */

import * as z from "zod";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runAgent } from "../../scripts/windows/agent.ts";
import { Wine } from "../../scripts/windows/wine.ts";
import { type Host, type Message } from "../agent/_host.ts";
import { ROOT } from "../_deno.ts";
import { timed } from "../_waiting.ts";
import { enduranceSteps } from "./_endurance.ts";
import { msiSteps } from "./_msi.ts";
import { selfcheckSteps } from "./_selfcheck.ts";
import { qgaServiceSteps } from "./_qga_service.ts";
import { serviceSteps } from "./_service.ts";
import { WindowsAgent } from "./_wine.ts";
import { zipSteps } from "./_zip.ts";

/** Those at lib/platform/windows run on Linux: they need nothing of Windows. */
const INSIDE = ["tests/windows/inside/"];

async function denoDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return z.parse(
    z.looseObject({ denoDir: z.string() }),
    JSON.parse(new TextDecoder().decode(stdout)),
  )
    .denoDir;
}

const Executed = z.looseObject({ exit_code: z.int(), stdout: z.string(), stderr: z.string() });

/** The code and the reason of a refusal. */
const refusalOf = ({ error }: Message) =>
  z.parse(
    z.looseObject({ code: z.int(), data: z.looseObject({ reason: z.string() }) }),
    error,
  );

const execute = (host: Host, command: string, ...args: readonly string[]) =>
  host.call("exec_command", { command, args }, Executed);

Deno.test("Windows", async (t) => {
  await using wine = await Wine.start();

  await t.step("the platform's own tests pass in deno.exe", async () => {
    await wine.usePackages(await denoDirectory());
    const { code, stdout, stderr } = await wine.deno(
      ["test", "-A", "--no-check", "--cached-only", ...INSIDE],
      { cwd: ROOT, stdout: "piped", stderr: "piped" },
    ).output();
    const decoder = new TextDecoder();
    assertEquals(code, 0, decoder.decode(stdout) + decoder.decode(stderr));
  });

  await t.step("--version and check work", async () => {
    assertMatch((await runAgent(wine, "--version")).stdout, /^kvmmanager-agent \d/);
    const { code, stdout } = await runAgent(wine, "check");
    assertEquals(code, 0);
    assertEquals(JSON.parse(stdout).source, "defaults");
  });

  await t.step("an agent on its port", async (t) => {
    const agent = await WindowsAgent.start(wine, {
      command_monitor: { enabled: true },
      security: { allowed_read_paths: ["C:\\allowed"], allowed_write_paths: ["C:\\allowed"] },
    });
    await using _agent = agent;
    const { host } = agent;

    await t.step("answers ping and tells its platform", async () => {
      await host.ping();
      const { platform } = await host.call(
        "get_agent_info",
        undefined,
        z.looseObject({ platform: z.string() }),
      );
      assertEquals(platform, "windows");
    });

    await t.step("describes the guest", async () => {
      const info = await host.call(
        "get_system_info",
        undefined,
        z.looseObject({ os_type: z.literal("windows"), total_memory_kb: z.int() }),
      );
      assert(info.total_memory_kb > 0);
      await host.call(
        "get_disk_usage",
        undefined,
        z.looseObject({ filesystems: z.array(z.any()) }),
      );
      await host.call(
        "get_network_info",
        undefined,
        z.looseObject({ interfaces: z.array(z.any()) }),
      );
    });

    await t.step("runs commands by name and by path", async () => {
      assertEquals((await execute(host, "cmd", "/c", "echo hello")).stdout, "hello\r\n");
      assertEquals((await execute(host, "C:/windows/system32/CMD", "/c", "exit 7")).exit_code, 7);
    });

    await t.step("writes and reads files in the allowed paths", async () => {
      await Deno.mkdir(`${wine.drive}/allowed`);
      const path = "C:\\allowed\\größe.txt";
      const content = "from the host 🚀";
      await host.call("file_write", { path, content }, z.looseObject({}));
      const read = await host.call("file_read", { path }, z.looseObject({ content: z.string() }));
      assertEquals(read.content, content);
      assertEquals(await Deno.readTextFile(`${wine.drive}/allowed/größe.txt`), content);
    });

    await t.step("lists, hashes, renames and removes files", async () => {
      const path = "C:\\allowed\\new\\a.txt";
      const Any = z.looseObject({});
      await host.call("file_write", { path, content: "hello", create_dirs: true }, Any);
      const { entries } = await host.call(
        "file_list",
        { path: "c:/ALLOWED/new/../new" },
        z.looseObject({ entries: z.array(z.looseObject({ name: z.string() })) }),
      );
      assertEquals(entries.map(({ name }) => name), ["a.txt"]);
      await host.call("file_hash", { path }, Any);
      await host.call("file_rename", { path, to: "C:\\allowed\\new\\b" }, Any);
      await host.call("directory_remove", { path: "C:\\allowed\\new", recursive: true }, Any);
    });

    await t.step("refuses every other path", async () => {
      for (
        const [path, code] of [
          ["C:\\windows\\win.ini", -32001],
          ["C:\\allowed\\..\\windows\\win.ini", -32001],
          ["C:/allowed/../windows/win.ini", -32001],
          ["C:\\allowedelse\\x", -32001],
          ["\\\\server\\share\\x", -32602],
          ["\\\\?\\C:\\allowed\\x", -32602],
          ["\\\\.\\PhysicalDrive0", -32602],
          ["C:x", -32602],
          ["\\x", -32602],
          ["C:\\allowed\\a.txt:stream", -32602],
          ["C:\\allowed\\a.txt::$DATA", -32602],
          ["C:\\allowed\\NUL", -32602],
          ["C:\\allowed\\con.txt", -32602],
          ["C:\\allowed\\aux ", -32602],
          ["C:\\allowed\\PROGRA~1", -32602],
          ["C:\\allowed\\x.", -32602],
          ["C:\\allowed\\COM¹", -32602],
          ["C:\\allowed\\\ud83d", -32602],
          [`C:\\allowed\\${"x\\".repeat(20_000)}`, -32602],
        ] as const
      ) {
        assertEquals(refusalOf(await host.request("file_read", { path })).code, code, path);
      }
    });

    await t.step("refuses what is no program", async () => {
      for (
        const [command, code, reason] of [
          ["nosuchprogram", -32002, "program not found"],
          ["C:\\no\\such.exe", -32002, "program not found"],
          ["setup.bat", -32602, "batch file"],
          ["..\\cmd.exe", -32602, "must be absolute"],
          ["\\\\server\\share\\x.exe", -32602, "network path"],
          ["C:\\windows", -32001, "is a directory, not a program"],
          ["C:\\windows\\win.ini", -32000, "is not a program"],
          ["NUL", -32602, "the name of a device"],
          ["x".repeat(40_000), -32602, "at most 4096 characters"],
        ] as const
      ) {
        const refusal = refusalOf(await host.request("exec_command", { command }));
        assertEquals(refusal.code, code, command);
        assertStringIncludes(refusal.data.reason, reason);
      }
    });

    await t.step("refuses half a surrogate pair wherever a command has text", async () => {
      const text = "a\ud83d";
      for (
        const params of [
          { command: text },
          { command: "cmd", args: ["/c", text] },
          { command: "cmd", env: { A: text } },
          { command: "cmd", working_directory: `C:\\${text}` },
        ]
      ) {
        const { code, data } = refusalOf(await host.request("exec_command", params));
        assertEquals(code, -32602, JSON.stringify(params));
        assertStringIncludes(data.reason, "unpaired surrogate");
      }
    });

    await t.step("ends a command that is over its time", async () => {
      const { value, ms } = await timed(() =>
        host.request("exec_command", {
          command: "cmd",
          args: ["/c", "ping -n 60 127.0.0.1"],
          timeout_seconds: 1,
        })
      );
      assertEquals(refusalOf(value).code, -32003);
      assert(ms < 20_000, `${ms} ms`);
    });

    await t.step("runs jobs", async () => {
      await host.request("job_start", { job_id: "one", command: "cmd", args: ["/c", "echo job"] });
      const { output } = await host.call(
        "job_read",
        { job_id: "one", wait_seconds: 20 },
        z.looseObject({ output: z.array(z.looseObject({ data: z.string() })) }),
      );
      assertEquals(output.map(({ data }) => data.trim()).join(""), "job");
    });

    await t.step("answers after bad lines and a large one", async () => {
      for (const line of ["{", "[]", '"x"', "x".repeat(100_000)]) {
        assert("error" in await host.ask(line));
      }
      await host.ping();
    });

    await t.step("answers programs of the guest through its pipe", async () => {
      const { code, stdout } = await runAgent(
        wine,
        "command",
        "agent.Ping",
        "--config=C:\\agent-config.json",
      );
      assertEquals([code, JSON.parse(stdout).Status], [0, 0], stdout);
    });

    await t.step("is confined", async () => {
      const log = await agent.end();
      assertStringIncludes(log, '"message":"confined: Deno denies access outside');
    });
  });

  await t.step("the next agent", async (t) => {
    const agent = await WindowsAgent.start(wine, {
      security: { command_whitelist: ["CMD", "C:\\windows\\system32\\whoami.exe"] },
    });
    await using _agent = agent;
    const { host } = agent;

    await t.step("has the jobs of the one before, which was killed", async () => {
      const { output } = await host.call(
        "job_read",
        { job_id: "one" },
        z.looseObject({ output: z.array(z.looseObject({ data: z.string() })) }),
      );
      assertEquals(output.map(({ data }) => data.trim()).join(""), "job");
    });

    await t.step("compares the whitelist without case, with and without extension", async () => {
      assertEquals((await execute(host, "cmd.exe", "/c", "echo a")).stdout, "a\r\n");
      assertEquals((await execute(host, "WhoAmI")).exit_code, 0);
      const refusal = refusalOf(await host.request("exec_command", { command: "ping" }));
      assertEquals(refusal.code, -32001);
    });
  });

  await t.step("20,000 requests", async (t) => await enduranceSteps(t, wine));

  await t.step("the service", async (t) => await serviceSteps(t, wine));

  await t.step("the service for the QEMU guest agent's language", async (t) => {
    await qgaServiceSteps(t, wine);
  });

  await t.step("the self-check", async (t) => await selfcheckSteps(t, wine));

  await t.step("the installer", async (t) => await msiSteps(t, wine));

  await t.step("the zip", async (t) => await zipSteps(t, wine));
});
