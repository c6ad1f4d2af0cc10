/**
 * `--channel device:PATH`: a character device that the agent opens itself.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import { makePaths, TestAgent } from "./_agent.ts";
import { Host } from "./_host.ts";
import { Pty } from "../../scripts/windows/pty.ts";
import { runDeno } from "../_deno.ts";

const MAIN = fromFileUrl(new URL("../../main.ts", import.meta.url));
const UNAVAILABLE = 69;

Deno.test("a device is served in both directions at once", async () => {
  const pty = new Pty();
  await using _pty = pty;
  const host = new Host(pty.wire);
  await using _host = host;
  await using _agent = await TestAgent.start({ channel: `device:${pty.path}` });
  // Nothing was sent: the agent writes while its read waits.
  await host.take((line) => JSON.stringify(line).includes("agent_ready"), "agent_ready");
  await host.ping();
  const slow = await host.start("exec_command", { command: "sleep", args: ["0.3"] });
  await host.ping();
  await host.answerTo(slow);
});

Deno.test("a device that does not exist yet is opened once it does", async () => {
  const pty = new Pty();
  await using _pty = pty;
  const host = new Host(pty.wire);
  await using _host = host;
  const paths = await makePaths();
  const path = `${paths.directory}/port`;
  await using agent = await TestAgent.start({
    paths,
    channel: `device:${path}`,
    config: () => ({ connection_retry_seconds: 1 }),
  });
  const isRefused = ({ message }: { message: string }) => /cannot open the device/.test(message);
  const line = await agent.logged(isRefused, "that there is no device");
  assertMatch(JSON.stringify(line), /No such file or directory/);
  await Deno.symlink(pty.path, path);
  await host.ping();
});

Deno.test("a regular file is refused as a device", async () => {
  const paths = await makePaths();
  const path = `${paths.directory}/port`;
  await Deno.writeTextFile(path, '{"jsonrpc":"2.0","method":"ping","id":1}\n');
  await using agent = await TestAgent.start({ paths, channel: `device:${path}` });
  await agent.logged((one) => /not a character device/.test(JSON.stringify(one)), "why not");
  assertMatch(await Deno.readTextFile(path), /^\{"jsonrpc":"2.0","method":"ping","id":1\}\n$/);
});

Deno.test("without all of Deno's permissions a device is refused in one line", async () => {
  const { code, stderr } = await runDeno([
    ...["run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", "--allow-sys"],
    ...[MAIN, "--channel", "device:/dev/null"],
  ]);
  assertEquals(code, UNAVAILABLE, stderr);
  const last = stderr.trim().split("\n").at(-1) ?? "";
  assertMatch(last, /^kvmmanager-agent: --channel device: needs all of Deno's permissions/);
  assertMatch(last, /run, env, net, ffi/);
});
