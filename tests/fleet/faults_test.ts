/**
 * What breaks in a fleet while calls are made: a node of the servers' cluster, a client that is
 * killed, and clients that no longer read.
 *
 * @module
 */

import { assert, assertEquals, fail } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import * as z from "zod";
import { readMemory } from "../../scripts/bench/proc.ts";
import { until } from "../_waiting.ts";
import { RawClient } from "../host/daemon/_hostd.ts";
import { answerWell, resultLine, type ScriptedRequest } from "../host/_scripted_agent.ts";
import { Callers, connect, vmOf } from "./_callers.ts";
import { Member, uuid } from "./_member.ts";
import { NatsServer } from "./_nats.ts";

const WEB1 = { name: "web1", uuid: uuid(1), labels: { tenant: "acme", role: "web" } };
const CLIENT = fromFileUrl(new URL("./_client.ts", import.meta.url));

/** A client in a process of its own with calls under way. */
class OtherClient implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  constructor(nats: NatsServer, method: string, count: number, silentMs = 30_000) {
    const words = [nats.url, nats.credentials("OPERATOR"), silentMs, method, count].map(String);
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", CLIENT, ...words],
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
  }
}

const Info = z.looseObject({ calls_in_flight: z.number() });

async function callsInFlight(local: RawClient): Promise<number> {
  return z.parse(Info, (await local.ask({ method: "hostd_info" })).result).calls_in_flight;
}

Deno.test("a lost node of the cluster costs no call, and nothing is carried out twice", async () => {
  const [first, second, third] = await NatsServer.startCluster();
  if (first === undefined || second === undefined || third === undefined) fail("no cluster");
  await using stack = new AsyncDisposableStack();
  stack.use(first);
  for (const server of [second, third]) stack.defer(() => server.kill());
  // The host knows one node, the client another; the servers tell them about the rest.
  const kvm1 = stack.use(await Member.make("kvm1", first, [WEB1]));
  const agent = kvm1.agent("web1");
  const result = { exit_code: 0, stdout: "", stderr: "", execution_time_ms: 1 };
  agent.answerer = (request) =>
    request.method === "exec_command" ? { text: resultLine(request, result) } : answerWell(request);
  await kvm1.join();
  const fleet = stack.use(await connect(second));
  const callers = new Callers(fleet, await vmOf(fleet, "web1"));
  await callers.more();
  await first.kill();
  await callers.more();
  await until(() => kvm1.log.some((line) => line.includes("again")), () => kvm1.log.join("\n"));
  await first.run();
  await second.kill();
  await callers.more();
  await callers.end(agent.requests);
});

Deno.test("the calls of a killed client end: what waits is not begun, what runs is cancelled", async () => {
  await using nats = await NatsServer.start();
  await using kvm1 = await Member.make("kvm1", nats, [WEB1]);
  const agent = kvm1.agent("web1");
  const held: ScriptedRequest[] = [];
  agent.answerer = (request) => {
    if (request.method !== "exec_command") return answerWell(request);
    held.push(request);
    return undefined;
  };
  await using _hostd = await kvm1.start();
  await using client = new OtherClient(nats, "exec_command", 40, 1500);
  // The VM's slots are full.
  await until(() => held.length === 16, "the commands in the guest");
  await using local = await RawClient.connect(kvm1.directory.at("hostd.sock"));
  await until(async () => await callsInFlight(local) === 40, "all of its calls");
  // As long as it lives, its calls go on beyond what it promises.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assertEquals(await callsInFlight(local), 40);
  client.kill("SIGKILL");
  await until(async () => await callsInFlight(local) === 0, "the end of its calls");
  assertEquals(held.length, 16);
  await until(() => kvm1.asked("web1", "rpc.cancel") === 16, "the cancellations in the guest");
  assert((await local.ask({ method: "ping", vm: "web1" })).result !== undefined);
});

Deno.test("clients that no longer read cost hostd little memory, and nobody else a call", async () => {
  // Sooner than the 10 seconds after which it cuts such a client off by default.
  await using nats = await NatsServer.start({ settings: 'write_deadline: "2s"' });
  await using kvm1 = await Member.make("kvm1", nats, [WEB1]);
  const text = "x".repeat(900_000);
  kvm1.agent("web1").answerer = (request) =>
    request.method === "file_read" ? { text: resultLine(request, { text }) } : answerWell(request);
  const hostd = await kvm1.start();
  await using _hostd = hostd;
  const fleet = await connect(nats);
  await using _fleet = fleet;
  const vm = await vmOf(fleet, "web1");
  const before = (await readMemory(hostd.pid)).residentMiB;
  const socket = kvm1.directory.at("hostd.sock");
  await using local = await RawClient.connect(socket);

  await using stuck = new OtherClient(nats, "file_read", 300);
  await until(async () => await callsInFlight(local) > 200, "its calls");
  stuck.kill("SIGSTOP");
  await using deaf = await RawClient.connect(socket, false);
  for (let id = 0; id < 300; id++) {
    await deaf.request({ method: "file_read", vm: "web1", params: { path: "/" }, id });
  }
  for (let round = 0; round < 20; round++) {
    await fleet.call(vm, "ping", {}, { timeoutMs: 30_000 });
    assert((await local.ask({ method: "ping", vm: "web1" })).result !== undefined);
  }
  // All that the first one has asked for has been done, of the other as much as it may leave unread.
  await until(async () => await callsInFlight(local) < 300, "the first one's calls");
  assert(kvm1.asked("web1", "file_read") < 400);
  const { residentMiB } = await readMemory(hostd.pid);
  assert(residentMiB - before < 250, `${residentMiB - before} MiB more`);
});
