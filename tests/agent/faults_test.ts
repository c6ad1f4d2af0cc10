/**
 * The guest runs out of a resource, or something hangs: every request gets a clear answer, the
 * agent keeps running, nothing is left half-done, and everything works again once the fault is
 * gone.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { countDescriptors } from "../../scripts/bench/proc.ts";
import { TestAgent, unconfined } from "./_agent.ts";
import { errorOf, type Host, type Message } from "./_host.ts";
import { tinyDisk } from "./_tiny_disk.ts";
import { until } from "../_waiting.ts";
import { COMMAND_FAILED } from "../_error_codes.ts";
import { isAlive } from "../_processes.ts";

const Executed = z.looseObject({ stdout: z.string() });

/** Sets a limit of a process that runs (prlimit(1)). */
async function limit(pid: number, ...limits: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("prlimit", {
    args: ["--pid", String(pid), ...limits],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/** One request for each method that needs system resources. */
const needy = (host: Host, files: string): Promise<Message[]> =>
  Promise.all([
    host.request("file_read", { path: `${files}/f` }),
    host.request("file_read", { path: `${files}/f`, offset: 0, length: 2 }),
    host.request("file_write", { path: `${files}/new`, content: "new" }),
    host.request("file_write", { path: `${files}/in-place`, content: "new", offset: 0 }),
    host.request("exec_command", { command: "true" }),
    host.request("exec_command", { command: "cat", input: "x" }),
    host.request("get_network_info"),
    host.request("get_disk_usage"),
  ]);

Deno.test("without file descriptors requests fail with the kernel's reason, and succeed once some are free", async () => {
  await using agent = await TestAgent.start({
    prepare: ({ files }) => Deno.writeTextFile(`${files}/f`, "content"),
  });
  await using host = await agent.connect();
  const { files } = agent.paths;
  await host.ping();
  const open = await countDescriptors(agent.pid);
  for (const spare of [0, 1, 2, 3, 5, 8]) {
    await limit(agent.pid, `--nofile=${open + spare}:`);
    for (const answer of await needy(host, files)) {
      if ("result" in answer) continue;
      const { code, data } = errorOf(answer);
      assertEquals(code, COMMAND_FAILED, data.reason);
      assert(/Too many open files|os error 24|cannot be made/.test(data.reason), data.reason);
    }
    await host.ping();
    const names = (await Array.fromAsync(Deno.readDir(files))).map(({ name }) => name);
    assertEquals(names.filter((name) => name.includes(".kvmmanager")), [], "nothing half-made");
  }
  await limit(agent.pid, "--nofile=1024:");
  await using second = await agent.connect();
  for (const answer of await needy(host, files)) assert("result" in answer, JSON.stringify(answer));
  await host.close();
  await second.ping();
});

Deno.test("a host that connects while there are no file descriptors is served once some are free", async () => {
  await using agent = await TestAgent.start();
  {
    await using host = await agent.connect();
    await host.ping();
  }
  await agent.logged(({ message }) => message === "host disconnected", "it is alone");
  await limit(agent.pid, `--nofile=${await countDescriptors(agent.pid)}:`);
  await using host = await agent.connect();
  // From outside, a failing accept(2) would only show in the CPU time it takes.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await limit(agent.pid, "--nofile=1024:");
  await host.ping();
});

Deno.test("after SIGSTOP and SIGCONT everything sent meanwhile is answered", async () => {
  await using agent = await TestAgent.start({ config: () => ({ request_timeout_seconds: 1 }) });
  await using host = await agent.connect();
  const sleeping = await host.start("exec_command", { command: "sleep", args: ["2"] });
  const limited = await host.start("exec_command", {
    command: "sleep",
    args: ["300"],
    timeout_seconds: 1,
  });
  await host.ping();
  agent.kill("SIGSTOP");
  const meanwhile = await Promise.all([
    host.start("ping"),
    host.start("get_system_info"),
    host.start("exec_command", { command: "true" }),
  ]);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  agent.kill("SIGCONT");
  for (const id of [...meanwhile, sleeping]) {
    const answer = await host.answerTo(id);
    assert("result" in answer, JSON.stringify(answer));
  }
  assertEquals(errorOf(await host.answerTo(limited)).code, -32003);
});

Deno.test("a log that cannot be written does not affect the host", async () => {
  // Deno's check does not allow devices: without it the agent's code uses the device itself.
  await using agent = await TestAgent.start({
    config: () => ({ log_file: "/dev/full", log_level: "trace" }),
    flags: unconfined,
    isSilent: true,
  });
  await using host = await agent.connect();
  for (let round = 0; round < 200; round++) await host.ping();
  const { stdout } = await host.call("exec_command", { command: "echo", args: ["x"] }, Executed);
  assertEquals(stdout, "x\n");
  assert(await isAlive(agent.pid));
});

Deno.test("a log on a full disk continues once there is room, and reports the missing lines", async () => {
  const wrapper = await tinyDisk({ on: ({ directory }) => `${directory}/disk` });
  // If nothing can be mounted, only the test above runs.
  if (wrapper === undefined) return;
  await using agent = await TestAgent.start({
    config: ({ directory }) => ({ log_file: `${directory}/disk/log`, log_level: "trace" }),
    prepare: ({ directory }) => Deno.mkdir(`${directory}/disk`),
    isSilent: true,
    wrapper,
  });
  await using host = await agent.connect();
  await host.ping();
  const log = `/proc/${agent.pid}/root${agent.paths.directory}/disk/log`;
  let size = -1;
  while ((await Deno.stat(log)).size !== size) {
    size = (await Deno.stat(log)).size;
    for (let round = 0; round < 100; round++) await host.request("no_such_method");
  }
  await Deno.truncate(log);
  await until(async () => {
    await host.request("no_such_method");
    return (await Deno.readTextFile(log)).includes(
      "could not write the log; lines are missing",
    );
  }, "the log to go on");
});
