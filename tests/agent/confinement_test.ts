/**
 * Deno's permissions behind the agent's checks, and what an agent in development never does.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { TestAgent, unconfined } from "./_agent.ts";
import { assertRefused } from "./_host.ts";
import { PERMISSION_DENIED } from "../_error_codes.ts";

Deno.test("an agent that is started like the task starts it logs once that it is confined", async () => {
  await using agent = await TestAgent.start();
  const lines = agent.log.filter(({ message }) => /confined/.test(message));
  assertEquals(lines.length, 1);
  assertMatch(lines[0]?.message ?? "", /^confined: /);
});

Deno.test("an agent with all permissions logs that it is not confined, and still refuses", async () => {
  await using agent = await TestAgent.start({
    flags: unconfined,
  });
  const lines = agent.log.filter(({ message }) => /confined/.test(message));
  assertEquals(lines.length, 1);
  assertMatch(lines[0]?.message ?? "", /^not confined: /);
  assertEquals(lines[0]?.level, "warn");
  await using host = await agent.connect();
  const answer = await host.request("file_read", { path: "/etc/passwd" });
  assertRefused(answer, PERMISSION_DENIED, /outside allowed_read_paths/);
});

/** The list of a permission flag without an entry. */
const without = (flag: string, path: string) => (args: readonly string[]) =>
  args.map((arg) =>
    arg.startsWith(`${flag}=`)
      ? `${flag}=${arg.slice(flag.length + 1).split(",").filter((one) => one !== path).join(",")}`
      : arg
  );

Deno.test("Deno's refusal to read reaches the wire as -32001 and names no internals", async () => {
  await using agent = await TestAgent.start({
    flags: (args, { files }) =>
      without("--allow-write", files)(without("--allow-read", files)(args)),
    prepare: ({ files }) => Deno.writeTextFile(`${files}/f`, "content"),
  });
  await using host = await agent.connect();
  const path = `${agent.paths.files}/f`;
  for (
    const [method, params] of [
      ["file_read", { path }],
      ["file_read", { path, offset: 0, length: 1 }],
      ["file_write", { path, content: "new" }],
      ["file_write", { path, content: "new", offset: 0 }],
      ["file_write", { path: `${agent.paths.files}/new`, content: "new", offset: 0 }],
    ] as const
  ) {
    const answer = await host.request(method, params);
    const { data } = assertRefused(answer, PERMISSION_DENIED, /^the agent is confined: /);
    assert(!/--allow|ext:|\.ts/.test(data.reason), data.reason);
    await host.ping();
  }
  assertEquals(await Deno.readTextFile(path), "content");
});

Deno.test("Deno's refusal to run a program reaches the wire as -32001", async () => {
  await using agent = await TestAgent.start({
    flags: (args) => args.map((arg) => arg === "--allow-run" ? "--allow-run=/bin/sh" : arg),
  });
  await using host = await agent.connect();
  const answer = await host.request("exec_command", { command: "echo" });
  assertRefused(answer, PERMISSION_DENIED, /^the agent is confined: /);
  await host.ping();
});

Deno.test("files of the kernel are refused even if the configuration allows them", async (t) => {
  await using agent = await TestAgent.start({
    config: ({ files }) => ({
      security: {
        allowed_read_paths: [files, "/proc", "/sys", "/dev"],
        allowed_write_paths: [files, "/dev", "/proc"],
      },
    }),
  });
  await using host = await agent.connect();
  for (
    const path of [
      "/proc/self/mem",
      "/proc/self/environ",
      "/proc/version",
      "/sys/kernel/notes",
      "/dev/null",
      "/dev/zero",
      "/dev/tty",
      "/dev/stdin",
      "/dev/fd/0",
    ]
  ) {
    await t.step(`file_read ${path}`, async () => {
      const { error } = await host.request("file_read", { path, offset: 0, length: 16 });
      const { code } = z.parse(z.looseObject({ code: z.int() }), error);
      assert([-32000, -32001, -32002].includes(code), JSON.stringify(error));
      await host.ping();
    });
    await t.step(`file_write ${path}`, async () => {
      for (const offset of [undefined, 0]) {
        const { error } = await host.request("file_write", { path, content: "", offset });
        const { code } = z.parse(z.looseObject({ code: z.int() }), error);
        assert([-32000, -32001, -32002].includes(code), JSON.stringify(error));
      }
      await host.ping();
    });
  }
  assert((await Deno.lstat("/dev/null")).isCharDevice);
});

Deno.test("the agent has no network except its socket, and no environment", async () => {
  await using agent = await TestAgent.start();
  const flags = (await Deno.readTextFile(`/proc/${agent.pid}/cmdline`)).split("\0");
  const allowed = flags.filter((flag) => flag.startsWith("--allow-") || flag === "-A");
  assertEquals(allowed.map((flag) => flag.replace(/=.*$/, "")).sort(), [
    "--allow-net",
    "--allow-read",
    "--allow-run",
    "--allow-sys",
    "--allow-write",
  ]);
  assert(allowed.includes(`--allow-net=unix:${agent.paths.socket}`), allowed.join(" "));
});

for (const method of ["shutdown", "reboot"]) {
  Deno.test(`${method} is refused with -32001 in development, whatever its parameters`, async () => {
    await using agent = await TestAgent.start();
    await using host = await agent.connect();
    for (const params of [undefined, {}, { timeout_seconds: 60, force: false }, { force: true }]) {
      const answer = await host.request(method, params);
      assertRefused(answer, PERMISSION_DENIED, /power control is off/);
      await host.ping();
    }
    const Info = z.looseObject({ capabilities: z.array(z.string()) });
    const { capabilities } = await host.call("get_agent_info", undefined, Info);
    assert(!capabilities.includes(method), capabilities.join());
  });
}
