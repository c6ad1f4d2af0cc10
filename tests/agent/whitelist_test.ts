/**
 * command_whitelist end to end, with the narrowed --allow-run of an agent that has one.
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

  await t.step(
    "allows its programs by name and by the path that the name resolves to",
    async () => {
      assertEquals((await exec(host, { command: "echo", args: ["a"] })).stdout, "a\n");
      const command = await locate("echo");
      assertEquals((await exec(host, { command, args: ["b"] })).stdout, "b\n");
    },
  );
  await t.step("refuses every other program", async () => {
    const reason = /is not in command_whitelist/;
    for (const command of ["id", await locate("id"), "sh", "/bin/sh", "deno", "no-such-program"]) {
      await assertDenied(host, { command }, reason);
    }
  });
  await t.step("refuses a program with an allowed name in another directory", async () => {
    const command = `${agent.paths.files}/echo`;
    await Deno.writeTextFile(command, "#!/bin/sh\necho mine\n", { mode: 0o755 });
    await assertDenied(host, { command }, /is not in command_whitelist/);
    await assertDenied(
      host,
      { command: `/usr/bin/../..${command}` },
      /is not in command_whitelist/,
    );
    const params = { command: "echo", args: ["x"], working_directory: agent.paths.files };
    assertEquals((await exec(host, params)).stdout, "x\n");
  });
  await t.step(
    "reports a listed program that is not installed as missing",
    async () => {
      const answer = await host.request("exec_command", { command: "not-installed" });
      assertRefused(answer, NOT_FOUND, /program not found: "not-installed"/);
    },
  );
  await t.step(
    "still kills a command that runs too long, without the right to send signals",
    async () => {
      const { value, ms } = await timed(() =>
        host.request("exec_command", { command: "sleep", args: ["300"], timeout_seconds: 1 })
      );
      assertRefused(
        value,
        TIMEOUT,
        /^sleep did not finish within 1 s and was killed with its process group$/,
      );
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
  await t.step("refuses every variable that is not known to be safe", async () => {
    for (
      const name of [
        ...["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GLIBC_TUNABLES"],
        ...["BASH_ENV", "PATH", "HOME", "LOCPATH", "GCONV_PATH", "ANYTHING"],
      ]
    ) {
      await assertDenied(
        host,
        { command: "echo", env: { [name]: "/tmp/x.so" } },
        new RegExp(
          `^env\\.${name} is not allowed while command_whitelist is set.*` +
            `add ${name} to security\\.command_environment$`,
        ),
      );
    }
    const env = { LANG: "de_DE.UTF-8", TZ: "Europe/Berlin", TERM: "xterm", NO_COLOR: "1" };
    assertEquals((await exec(host, { command: "echo", env })).exit_code, 0);
  });
  await t.step("does not restrict the methods that use the shell themselves", async () => {
    const Result = z.looseObject({});
    await host.call("get_system_info", undefined, Result);
    await host.call("get_network_info", undefined, Result);
    await host.call("get_disk_usage", undefined, Result);
    const path = `${agent.paths.files}/a/b`;
    await host.call("file_write", { path, content: "x", create_dirs: true }, Result);
    await host.call("file_read", { path }, Result);
  });
});

Deno.test("a whitelisted command's process group is killed even if it ignores SIGTERM", async () => {
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
    /did not finish within 1 s and was killed with its process group$/,
  );
  const pids = String(data.stdout).trim().split(" ").map(Number);
  assertEquals(pids.length, 2);
  assertEquals(await survivors(pids), []);
});

Deno.test("a whitelist of absolute paths allows only those paths", async () => {
  const echo = await locate("echo");
  await using agent = await withWhitelist(echo);
  await using host = await agent.connect();
  assertEquals((await exec(host, { command: echo, args: ["a"] })).stdout, "a\n");
  assertEquals((await exec(host, { command: "echo", args: ["b"] })).stdout, "b\n");
  await assertDenied(host, { command: await locate("id") }, /is not in command_whitelist/);
  await assertDenied(host, { command: "id" }, /id \(found as .*\/id\) is not in command_whitelist/);
});

Deno.test("a whitelisted link does not allow its target, nor the other way round", async () => {
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

Deno.test("an empty whitelist allows nothing, and exec_command is not offered", async () => {
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

Deno.test("a whitelist cannot be bypassed by the program's name", async (t) => {
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
    ["a relative path with ..", { command: "../bin/sh", working_directory: "/usr/lib" }],
    ["a relative path without a dot", { command: "bin/sh", working_directory: "/" }],
    ["an absolute path with ..", { command: "/usr/bin/../../bin/sh" }],
    ["an absolute path to a program of that name", { command: `${files}/echo` }],
    ["a link to another program", { command: `${files}/sh` }],
    ["another case", { command: "ECHO" }],
    ["a trailing space", { command: "echo " }],
    ["a leading space", { command: " echo" }],
    ["a newline", { command: "echo\n" }],
    ["arguments in the name", { command: "echo -n" }],
    ["an invisible character", { command: "ec\u200bho" }],
    ["a look-alike character", { command: "\u0435cho" }],
    ["shell syntax", { command: "echo;sh" }],
    ["the agent's own shell", { command: "/bin/sh", args: ["-c", "true"] }],
    ["the agent itself", { command: "/proc/self/exe" }],
    ["the dynamic loader", { command: "/lib64/ld-linux-x86-64.so.2", args: ["/bin/sh"] }],
    ["an empty name", { command: "" }],
    ["a directory", { command: "/usr/bin/" }],
  ];
  for (const [why, params] of attempts) {
    await t.step(`by ${why}`, async () => {
      const { code } = errorOf(await host.request("exec_command", params));
      assert([-32602, -32001, -32002].includes(code), String(code));
    });
  }
  await t.step("nor by the working directory: the system's own program runs", async () => {
    const params = { command: "echo", args: ["theirs"], working_directory: files };
    assertEquals((await exec(host, params)).stdout, "theirs\n");
  });
});

/** An agent that may run one script of each shell, and has a directory that the host writes. */
const withScripts = (command_environment: readonly string[]) =>
  TestAgent.start({
    config: ({ directory }) => ({
      security: {
        command_whitelist: [`${directory}/bash-script`, `${directory}/sh-script`, "iconv", "wc"],
        command_environment,
      },
    }),
    prepare: async ({ directory }) => {
      const write = (name: string, text: string) =>
        Deno.writeTextFile(`${directory}/${name}`, text, { mode: 0o755 });
      await write("bash-script", "#!/bin/bash\necho script\n");
      await write("sh-script", "#!/bin/sh\nls / >/dev/null\necho script\n");
    },
  });

/** What a host that may write files uploads, to run it through a variable. */
async function upload(host: Host, path: string): Promise<void> {
  const content = "#!/bin/sh\necho uploaded code ran\n";
  const params = { path, content, permissions: "0755", create_dirs: true };
  await host.call("file_write", params, z.looseObject({}));
}

Deno.test("a whitelist cannot be bypassed by the environment", async (t) => {
  await using agent = await withScripts([]);
  await using host = await agent.connect();
  const { directory, files } = agent.paths;
  await upload(host, `${files}/ls`);
  await upload(host, `${files}/de_DE/LC_MESSAGES/wc.mo`);
  await upload(host, `${files}/gconv-modules`);
  const attempts: [command: string, env: Record<string, string>][] = [
    [`${directory}/bash-script`, { BASH_ENV: `${files}/ls` }],
    [`${directory}/sh-script`, { PATH: files }],
    [`${directory}/sh-script`, { ENV: `${files}/ls` }],
    ["wc", { LOCPATH: files, LC_ALL: "de_DE" }],
    ["wc", { LC_ALL: `${files}/de_DE` }],
    ["wc", { LC_ALL: `../../../..${files}/de_DE` }],
    ["wc", { LANGUAGE: `../../../..${files}/de_DE`, LC_ALL: "C.UTF-8" }],
    ["iconv", { GCONV_PATH: files }],
    ["iconv", { LD_PRELOAD: `${files}/ls` }],
    ["wc", { TZ: `:${files}/ls` }],
    ["wc", { HOME: files }],
  ];
  for (const [command, env] of attempts) {
    await t.step(`with ${Object.keys(env).join(" and ")}`, async () => {
      const answer = await host.request("exec_command", { command, env });
      const { data } = assertRefused(answer, PERMISSION_DENIED, /security\.command_environment$/);
      assert(!data.reason.includes(files), "values are private");
    });
  }
  await t.step("and its programs still run", async () => {
    for (const name of ["bash-script", "sh-script"]) {
      const { stdout } = await exec(host, { command: `${directory}/${name}`, env: { LANG: "C" } });
      assertEquals(stdout, "script\n");
    }
  });
});

Deno.test("command_environment allows what the guest's administrator names, with its risk", async () => {
  await using agent = await withScripts(["BASH_ENV", "PATH"]);
  await using host = await agent.connect();
  const { directory, files } = agent.paths;
  await upload(host, `${files}/ls`);
  // That the uploaded code runs here shows that the refusals of the test above matter.
  const bash = { command: `${directory}/bash-script`, env: { BASH_ENV: `${files}/ls` } };
  assertEquals((await exec(host, bash)).stdout, "uploaded code ran\nscript\n");
  const sh = `#!/bin/sh\nls\n`;
  await Deno.writeTextFile(`${directory}/sh-script`, sh);
  const { stdout } = await exec(host, {
    command: `${directory}/sh-script`,
    env: { PATH: files },
  });
  assertEquals(stdout, "uploaded code ran\n");
  await assertDenied(
    host,
    { command: "wc", env: { LOCPATH: files } },
    /^env\.LOCPATH is not allowed while command_whitelist is set/,
  );
});

Deno.test("without a whitelist every variable is passed on", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const env = { BASH_ENV: "/nowhere", GCONV_PATH: "/nowhere", LD_LIBRARY_PATH: "/nowhere" };
  const { stdout } = await exec(host, { command: "env", env });
  for (const [name, value] of Object.entries(env)) {
    assert(stdout.split("\n").includes(`${name}=${value}`), name);
  }
});
