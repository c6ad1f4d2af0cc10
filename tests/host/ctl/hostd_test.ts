import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import * as z from "zod";
import { EXIT } from "../../../host/ctl/exit.ts";
import type { Outcome } from "../../_deno.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { until } from "../../_waiting.ts";
import { TestHostd } from "../daemon/_hostd.ts";
import { HostdProcess } from "../daemon/_hostd_process.ts";
import { ctl, RunningCtl } from "./_ctl.ts";

/** The tests of the channel itself that hold through the daemon without a change. */
const SAME_TESTS = ["jobs_test.ts", "logs_test.ts"];

/** What is run both ways, on an agent that nobody else uses; and what is sent to standard input. */
const COMMANDS: readonly (readonly [args: readonly string[], input?: string])[] = [
  [["call", "get_agent_info"]],
  [["call", "no_such_method"]],
  [["exec", "--", "sh", "-c", "cat; echo error >&2; exit 7"], "input"],
  [["exec", "no-such-program"]],
  [["ls", "FILES"]],
  [["push", "--quiet", "--mode", "640", "-", "FILES/pushed"], "x".repeat(200_000)],
  [["pull", "FILES/pushed", "-"]],
  [["mv", "FILES/pushed", "FILES/moved"]],
  [["rm", "FILES/moved"]],
  [["rm", "FILES/moved"]],
  [["explain", "file_read", '{"path":"/etc/shadow"}']],
  [["job", "status", "--id", "none"]],
];

Deno.test("ctl gives the same output and status through the daemon as through the channel", async (t) => {
  await using agent = await TestAgent.start();
  const { socket, files, directory } = agent.paths;
  const hostd = `${directory}/hostd.sock`;
  const run = ([args, input]: (typeof COMMANDS)[number], way: string) => {
    const words = args.map((word) => word.replace("FILES", files));
    return ctl(["--socket", socket, "--hostd", way, ...words], input);
  };
  // Alternately they would wait for each other's lock; a command may need what one before it made.
  const direct: Outcome[] = [];
  for (const command of COMMANDS) direct.push(await run(command, "none"));
  // A pattern: it is the only socket that fits.
  const channels = socket.replace("agent.sock", "age*.sock");
  await using daemon = await HostdProcess.start(["--socket", hostd, "--channels", channels]);
  for (const [index, command] of COMMANDS.entries()) {
    await t.step(command[0].join(" ").slice(0, 60), async () => {
      assertEquals(await run(command, hostd), direct[index]);
    });
  }
  daemon.kill("SIGTERM");
  assertEquals(await daemon.ended(), EXIT.ok);
});

Deno.test("top, exec with much output, and calls work on one VM at the same time", async () => {
  await using agent = await TestAgent.start();
  const { socket, directory } = agent.paths;
  const way = ["--socket", socket, "--hostd", `${directory}/hostd.sock`];
  const channels = socket.replace("agent.sock", "age*.sock");
  await using hostd = await HostdProcess.start([
    "--socket",
    `${directory}/hostd.sock`,
    "--channels",
    channels,
  ]);
  await using top = new RunningCtl(["top", "--json", "--interval", "0.1", ...way]);
  await top.prints(/"state":"ready"/);
  const bytes = 5_000_000;
  const script = `head -c ${bytes} /dev/zero | tr '\\000' x; echo end >&2; read -r line`;
  await using exec = new RunningCtl(["exec", ...way, "--", "sh", "-c", script]);
  await until(() => exec.stdout.length > 0, "output");
  const seen = top.stdout.length;
  const call = await ctl(["call", "ping", ...way]);
  assertEquals([call.code, call.stderr], [EXIT.ok, ""]);
  await until(() => top.stdout.length > seen, "top to go on");
  await exec.prints(/end/);
  await exec.feed("line\n");
  const { code, stdout } = await exec.ended();
  assertEquals([code, stdout.length], [EXIT.ok, bytes]);
  top.kill();
  await top.ended();
  hostd.kill("SIGTERM");
  assertEquals(await hostd.ended(), EXIT.ok);
});

Deno.test("ctl's tests of jobs and logs pass through the daemon", async () => {
  const files = SAME_TESTS.map((name) => fromFileUrl(new URL(name, import.meta.url)));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--quiet", "-A", ...files],
    env: { KVMMANAGER_TEST_THROUGH_HOSTD: "1", NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(code, 0, text(stdout) + text(stderr));
});

Deno.test("ctl list, top, events and doctor work while the daemon owns the channels", async () => {
  await using hostd = await TestHostd.start("vm1", "vm2");
  const way = ["--hostd", hostd.socket];
  const list = await ctl(["list", ...way]);
  assertEquals(list.stderr, "");
  assertMatch(list.stdout, /vm1 +ready +Testix 1[^]*vm2 +ready/);
  const doctor = await ctl(["doctor", "--domain", "vm1", ...way]);
  assertStringIncludes(doctor.stdout, "kvmmanager-hostd");
  assertStringIncludes(doctor.stdout, hostd.socket);
  const missing = await ctl(["call", "ping", "--domain", "vm3", ...way]);
  assertEquals(missing.code, EXIT.unavailable);
  assertStringIncludes(missing.stderr, '"vm1", "vm2"');
  const two = await ctl(["call", "ping", "--domain", "vm2", ...way]);
  assertEquals(JSON.parse(two.stdout), { pong: true, timestamp: 1 });
  {
    await using top = new RunningCtl(["top", "--json", "--interval", "0.1", ...way]);
    await top.prints(/"name":"vm1".*"name":"vm2"/);
    top.kill();
    await top.ended();
  }
  await using events = new RunningCtl(["events", ...way]);
  await events.prints(/"event":"ready","name":"vm2"|"name":"vm2".*"event":"ready"/);
  await events.prints(/"event":"ready","name":"vm1"|"name":"vm1".*"event":"ready"/);
  await hostd.agent("vm2").send('{"jsonrpc":"2.0","method":"event","params":{"n":1}}\n');
  await events.prints(/"event":"notification".*"n":1/);
  hostd.agent("vm1").hangUp();
  await events.prints(/"event":"unavailable"/);
  events.kill();
  await events.ended();
  const Line = z.looseObject({ event: z.string(), name: z.string() });
  const told = events.stdout.trim().split("\n").map((line) => z.parse(Line, JSON.parse(line)))
    .filter(({ name }) => name === "vm1").map(({ event }) => event);
  assertEquals(told.slice(0, 3), ["connected", "ready", "unavailable"]);
});

Deno.test("ctl uses the channel itself without a daemon, or if the daemon does not own it", async () => {
  await using hostd = await TestHostd.start();
  await using agent = await TestAgent.start();
  for (const way of ["none", hostd.socket]) {
    const { code, stdout } = await ctl([
      "call",
      "ping",
      "--socket",
      agent.paths.socket,
      "--hostd",
      way,
    ]);
    assertEquals(code, EXIT.ok);
    assert(stdout.includes("pong"));
  }
});

Deno.test("ctl does not go around a daemon that was named and does not answer", async () => {
  await using agent = await TestAgent.start();
  const { socket, directory } = agent.paths;
  const none = `${directory}/none.sock`;
  const target = ["--socket", socket];
  for (const command of [["call", "ping", ...target], ["list"], ["top", "--json"]]) {
    const { code, stdout, stderr } = await ctl([...command, "--hostd", none]);
    assertEquals([code, stdout], [EXIT.unavailable, ""], command[0]);
    assertStringIncludes(
      stderr,
      `no daemon answers at --hostd ${none}: the socket does not exist`,
    );
  }
  const doctor = await ctl(["doctor", ...target, "--hostd", none]);
  assertEquals(doctor.code, EXIT.errorAnswer);
  assertMatch(
    doctor.stdout,
    /^wrong +daemon: no daemon answers at --hostd .*\n.* leave out --hostd$/m,
  );
  // An agent is no daemon.
  const { code, stderr } = await ctl(["list", "--hostd", socket]);
  assertEquals(code, EXIT.unavailable);
  assertStringIncludes(stderr, `no daemon answers at --hostd ${socket}`);
});
