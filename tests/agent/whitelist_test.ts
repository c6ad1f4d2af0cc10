/**
 * command_whitelist from end to end, with the narrowed --allow-run of an agent that has one.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { TestAgent } from "./_agent.ts";
import { assertRefused, errorOf, type Host } from "./_host.ts";
import { survivors } from "../_processes.ts";
import { timed } from "../_waiting.ts";
import { NOT_FOUND, PERMISSION_DENIED, TIMEOUT } from "../_error_codes.ts";

const Executed = z.looseObject({ exit_code: z.int(), stdout: z.string() });

const withWhitelist = (...command_whitelist: string[]) =>
  TestAgent.start({ config: () => ({ security: { command_whitelist } }) });

const exec = (host: Host, params: Record<string, unknown>) =>
  host.call("exec_command", params, Executed);

async function assertDenied(host: Host, params: Record<string, unknown>, reason: RegExp) {
  assertRefused(await host.request("exec_command", params), PERMISSION_DENIED, reason);
  await host.ping();
}

/** Where the fixed path finds a program. */
async function locate(name: string): Promise<string> {
  for (const directory of ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"]) {
    const path = `${directory}/${name}`;
    if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  }
  throw new Error(`no ${name} on this machine`);
}

Deno.test("a whitelist of bare names", async (t) => {
  await using agent = await withWhitelist("echo", "sleep", "not-installed");
  await using host = await agent.connect();
  const confined = agent.log.find(({ message }) => message.startsWith("confined"));
  assert(Array.isArray(confined?.run), "--allow-run is a list");

  await t.step("lets its programs run by name and by the path that the name finds", async () => {
    assertEquals((await exec(host, { command: "echo", args: ["a"] })).stdout, "a\n");
    const command = await locate("echo");
    assertEquals((await exec(host, { command, args: ["b"] })).stdout, "b\n");
  });
  await t.step("refuses every other program", async () => {
    const reason = /is not in command_whitelist/;
    for (const command of ["id", await locate("id"), "sh", "/bin/sh", "deno", "no-such-program"]) {
      await assertDenied(host, { command }, reason);
    }
  });
  await t.step("refuses a program of an allowed name at another place", async () => {
    const command = `${agent.paths.files}/echo`;
    await Deno.writeTextFile(command, "#!/bin/sh\necho mine\n", { mode: 0o755 });
    await assertDenied(host, { command }, /is not in command_whitelist/);
    await assertDenied(
      host,
      { command: `/usr/bin/../..${command}` },
      /is not in command_whitelist/,
    );
    const params = { command: "echo", args: ["x"], working_directory: agent.paths.files };
    assertEquals((await exec(host, { ...params, env: { PATH: agent.paths.files } })).stdout, "x\n");
  });
  await t.step(
    "tells a listed program that is not installed from one that is refused",
    async () => {
      const answer = await host.request("exec_command", { command: "not-installed" });
      assertRefused(answer, NOT_FOUND, /no program "not-installed"/);
    },
  );
  await t.step(
    "still ends a command that runs too long, without the right to send signals",
    async () => {
      const { value, ms } = await timed(() =>
        host.request("exec_command", { command: "sleep", args: ["300"], timeout_seconds: 1 })
      );
      assertRefused(value, TIMEOUT, /sleep was ended after 1 s/);
      assert(ms >= 1000 && ms < 2900, `SIGTERM was enough (${ms} ms)`);
      assertEquals(await childrenOf(agent.pid), []);
    },
  );
  await t.step("still cancels a command", async () => {
    const id = await host.start("exec_command", { command: "sleep", args: ["300"] });
    await host.ping();
    await host.call("rpc.cancel", { id }, z.strictObject({ cancelled: z.literal(true) }));
    assertRefused(await host.answerTo(id), -32000, /cancelled by the host/);
    assertEquals(await childrenOf(agent.pid), []);
  });
  await t.step("refuses variables that would load foreign code into them", async () => {
    for (const name of ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GLIBC_TUNABLES"]) {
      await assertDenied(
        host,
        { command: "echo", env: { [name]: "/tmp/x.so" } },
        /^env\.[A-Z_]+ is not allowed/,
      );
    }
    const env = { HARMLESS: "1", PATH: "/bin", HOME: "/" };
    assertEquals((await exec(host, { command: "echo", env })).exit_code, 0);
  });
  await t.step("leaves the methods that use the shell themselves alone", async () => {
    const Result = z.looseObject({});
    await host.call("get_system_info", undefined, Result);
    await host.call("get_network_info", undefined, Result);
    await host.call("get_disk_usage", undefined, Result);
    const path = `${agent.paths.files}/a/b`;
    await host.call("file_write", { path, content: "x", create_dirs: true }, Result);
    await host.call("file_read", { path }, Result);
  });
});

Deno.test("a whitelist's process group is ended also where it ignores SIGTERM", async () => {
  await using agent = await TestAgent.start({
    prepare: ({ files }) =>
      Deno.writeTextFile(
        `${files}/stubborn`,
        '#!/bin/sh\ntrap "" TERM\nsleep 300 &\necho $$ $!\nwait\n',
        { mode: 0o755 },
      ),
    config: ({ files }) => ({ security: { command_whitelist: [`${files}/stubborn`] } }),
  });
  await using host = await agent.connect();
  const { data } = assertRefused(
    await host.request("exec_command", {
      command: `${agent.paths.files}/stubborn`,
      timeout_seconds: 1,
    }),
    TIMEOUT,
    /was ended after 1 s/,
  );
  const pids = String(data.stdout).trim().split(" ").map(Number);
  assertEquals(pids.length, 2);
  assertEquals(await survivors(pids), []);
});

Deno.test("a whitelist of absolute paths allows those paths alone", async () => {
  const echo = await locate("echo");
  await using agent = await withWhitelist(echo);
  await using host = await agent.connect();
  assertEquals((await exec(host, { command: echo, args: ["a"] })).stdout, "a\n");
  assertEquals((await exec(host, { command: "echo", args: ["b"] })).stdout, "b\n");
  await assertDenied(host, { command: await locate("id") }, /is not in command_whitelist/);
  await assertDenied(host, { command: "id" }, /id \(found as .*\/id\) is not in command_whitelist/);
});

Deno.test("a whitelisted link does not allow what it leads to, nor the other way round", async () => {
  await using agent = await TestAgent.start({
    prepare: ({ files }) => Deno.symlink("/bin/echo", `${files}/link`),
    config: ({ files }) => ({ security: { command_whitelist: [`${files}/link`] } }),
  });
  await using host = await agent.connect();
  await assertDenied(host, { command: "/bin/echo" }, /is not in command_whitelist/);
  await assertDenied(host, { command: "echo" }, /is not in command_whitelist/);
  const command = `${agent.paths.files}/link`;
  assertEquals((await exec(host, { command, args: ["through"] })).stdout, "through\n");
});

Deno.test("an empty whitelist allows nothing, and there is no exec_command to offer", async () => {
  await using agent = await withWhitelist();
  await using host = await agent.connect();
  const Info = z.looseObject({ capabilities: z.array(z.string()) });
  const { capabilities } = await host.call("get_agent_info", undefined, Info);
  assert(!capabilities.includes("exec_command"), capabilities.join());
  await assertDenied(host, { command: "true" }, /is not in command_whitelist/);
});

async function childrenOf(pid: number): Promise<string[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return text.split(" ").filter((word) => word !== "");
}

Deno.test("a whitelist is not got round", async (t) => {
  await using agent = await TestAgent.start({
    config: () => ({ security: { command_whitelist: ["echo"] } }),
    prepare: async ({ files }) => {
      await Deno.writeTextFile(`${files}/echo`, "#!/bin/sh\necho mine\n", { mode: 0o755 });
      await Deno.symlink("/bin/sh", `${files}/sh`);
    },
  });
  await using host = await agent.connect();
  const { files } = agent.paths;
  const attempts: [why: string, params: Record<string, unknown>][] = [
    ["a relative path", { command: "./echo", working_directory: files }],
    ["a path that climbs", { command: "../bin/sh", working_directory: "/usr/lib" }],
    ["a path without a beginning", { command: "bin/sh", working_directory: "/" }],
    ["an absolute path that climbs", { command: "/usr/bin/../../bin/sh" }],
    ["an absolute path to a program of that name", { command: `${files}/echo` }],
    ["a link to another program", { command: `${files}/sh` }],
    ["another case", { command: "ECHO" }],
    ["a space behind", { command: "echo " }],
    ["a space before", { command: " echo" }],
    ["a newline", { command: "echo\n" }],
    ["arguments in the name", { command: "echo -n" }],
    ["a character that is not seen", { command: "ec\u200bho" }],
    ["a character that looks the same", { command: "\u0435cho" }],
    ["a shell's words", { command: "echo;sh" }],
    ["the agent's own shell", { command: "/bin/sh", args: ["-c", "true"] }],
    ["the agent itself", { command: "/proc/self/exe" }],
    ["an option of a loader", { command: "/lib64/ld-linux-x86-64.so.2", args: ["/bin/sh"] }],
    ["nothing", { command: "" }],
    ["the directory", { command: "/usr/bin/" }],
  ];
  for (const [why, params] of attempts) {
    await t.step(`by ${why}`, async () => {
      const { code } = errorOf(await host.request("exec_command", params));
      assert([-32602, -32001, -32002].includes(code), String(code));
    });
  }
  await t.step("nor by PATH or the working directory: the system's own program runs", async () => {
    const params = {
      command: "echo",
      args: ["theirs"],
      env: { PATH: files },
      working_directory: files,
    };
    assertEquals((await exec(host, params)).stdout, "theirs\n");
  });
});
