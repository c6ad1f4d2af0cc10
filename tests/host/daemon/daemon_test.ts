import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AgentClient } from "../../../host/client.ts";
import { EXIT } from "../../../host/ctl/exit.ts";
import { CallError } from "../../../host/errors.ts";
import { until, within } from "../../_waiting.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { ScriptedAgent } from "../_scripted_agent.ts";
import { RawClient } from "./_hostd.ts";
import { HostdProcess, hostdWords } from "./_hostd_process.ts";
import { withFullOutput, withoutReader } from "../../_closed_output.ts";

const SUFFIX = ".org.kvmmanager.agent.0";

Deno.test("kvmmanager-hostd owns its channels, looks again at SIGHUP, and cleans up at SIGTERM", async () => {
  await using directory = await TempDirectory.make();
  const socket = directory.at("hostd.sock");
  await using agent = new ScriptedAgent(directory.at(`vm1${SUFFIX}`));
  const args = ["--socket", socket, "--channels", directory.path];
  await using hostd = await HostdProcess.start([...args, "--libvirt-status", directory.path]);
  const error = await assertRejects(
    () => AgentClient.connect(agent.path, { lockAs: "this test" }),
    CallError,
  );
  assertStringIncludes(error.message, `in use by kvmmanager-hostd (process ${hostd.pid})`);
  await using second = new HostdProcess(args);
  assertEquals(await second.ended(), EXIT.usage);
  assertStringIncludes(second.stderr, "another program listens");
  const uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
  await directory.file(
    "vm.xml",
    `<domain><name>web</name><uuid>${uuid}</uuid><devices><channel><source path='${agent.path}'/>` +
      `<target name='org.kvmmanager.agent.0'/></channel></devices></domain>`,
  );
  hostd.kill("SIGHUP");
  await hostd.says("looked again");
  const client = await AgentClient.connect(socket, { vm: uuid });
  await using _client = client;
  assertEquals((await client.call("ping")).pong, true);
  hostd.kill("SIGTERM");
  assertEquals(await hostd.ended(), EXIT.ok);
  await assertRejects(() => Deno.lstat(socket), Deno.errors.NotFound);
});

Deno.test("kvmmanager-hostd tells a client what it had in flight when it is stopped or killed", async () => {
  await using directory = await TempDirectory.make();
  const socket = directory.at("hostd.sock");
  await using agent = new ScriptedAgent(directory.at(`vm1${SUFFIX}`));
  const args = ["--socket", socket, "--channels", directory.path];
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await using hostd = await HostdProcess.start(args);
    const { answerer } = agent;
    agent.answerer = (request) => request.method === "shutdown" ? undefined : answerer(request);
    const seen = agent.requests.length;
    const client = await AgentClient.connect(socket, { vm: "vm1" });
    await using _client = client;
    const failed = assertRejects(() => client.call("shutdown", {}), CallError);
    await until(
      () => agent.requests.slice(seen).some(({ method }) => method === "shutdown"),
      "the call",
    );
    hostd.kill(signal);
    const { wasSent, reason, message } = await failed;
    assert(wasSent, message);
    assert(reason === "connection lost" || reason === "closed", reason);
    await hostd.ended();
    agent.answerer = answerer;
  }
  // The next one replaces the socket that the killed one left.
  await using hostd = await HostdProcess.start(args);
  await using client = await RawClient.connect(socket);
  assert((await client.ask({ method: "vm_list" })).result !== undefined);
  hostd.kill("SIGTERM");
  assertEquals(await hostd.ended(), EXIT.ok);
});

Deno.test("kvmmanager-hostd serves metrics beside its clients, and keeps serving after a bad reload", async () => {
  await using directory = await TempDirectory.make();
  await using _agent = new ScriptedAgent(directory.at(`vm1${SUFFIX}`));
  await directory.file("token", "0123456789abcdef");
  const webConfig = await directory.file("web.yml", "authorization: { credentials_file: token }");
  const args = ["--socket", directory.at("hostd.sock"), "--channels", directory.path];
  const metrics = ["--metrics-listen", "0", "--metrics-web-config", webConfig];
  await using hostd = await HostdProcess.start([...args, ...metrics]);
  const port = /metrics are on 127\.0\.0\.1, port (\d+)/.exec(hostd.stderr)?.[1];
  const page = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text();
  };
  await until(
    async () => (await page("0123456789abcdef")).includes('kvmmanager_agent_up{domain="vm1"} 1\n'),
    "the agent to be up",
  );
  await directory.file("web.yml", "autorization: {}");
  hostd.kill("SIGHUP");
  await hostd.says("the metrics are served as before");
  await hostd.says("looked again");
  assertStringIncludes(await page("a wrong one"), "send the token");
  assertStringIncludes(await page("0123456789abcdef"), "kvmmanager_hostd_vms 1\n");
  hostd.kill("SIGTERM");
  assertEquals(await hostd.ended(), EXIT.ok);
});

Deno.test("kvmmanager-hostd whose output nobody reads any more ends as SIGPIPE would end it, without a word", async () => {
  assertEquals(await withoutReader({ words: hostdWords(["--help"]), env: {} }), {
    code: 141,
    stderr: "",
  });
});

Deno.test("kvmmanager-hostd that cannot write its output says why in one line, status 74", async () => {
  assertEquals(await withFullOutput({ words: hostdWords(["--help"]), env: {} }), {
    code: 74,
    stderr:
      "kvmmanager-hostd: standard output cannot be written: No space left on device (os error 28)\n",
  });
});

Deno.test("kvmmanager-hostd ends at SIGTERM although the fleet's server says nothing", async () => {
  await using directory = await TempDirectory.make();
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = server.addr;
  const { promise: connected, resolve } = Promise.withResolvers<Deno.Conn>();
  void server.accept().then(resolve);
  await using hostd = new HostdProcess([
    ...["--socket", directory.at("hostd.sock"), "--channels", directory.path],
    ...["--nats", `nats://127.0.0.1:${port}`],
  ]);
  using _connection = await within(connected, "a connection");
  await hostd.says("serving");
  hostd.kill("SIGTERM");
  assertEquals(await hostd.ended(), EXIT.ok);
  // It did not wait until it would have given up.
  assertEquals(hostd.stderr.includes("cannot be joined"), false, hostd.stderr);
});

Deno.test("kvmmanager-hostd ends at SIGTERM although the file with its key is a FIFO", async () => {
  await using directory = await TempDirectory.make();
  const fifo = directory.at("creds");
  await new Deno.Command("mkfifo", { args: [fifo] }).output();
  await using hostd = await HostdProcess.start([
    ...["--socket", directory.at("hostd.sock"), "--channels", directory.path],
    ...["--nats", "nats://127.0.0.1:4222", "--creds", fifo],
  ]);
  hostd.kill("SIGTERM");
  assertEquals(await hostd.ended(), EXIT.ok);
});
