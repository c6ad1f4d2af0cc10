import { assert, assertEquals, assertRejects } from "@std/assert";
import { CallError } from "../../host/errors.ts";
import type { PoolEvent } from "../../host/member.ts";
import { AgentPool, type PoolOptions } from "../../host/pool.ts";
import { TestAgent } from "../agent/_agent.ts";
import { until } from "../_waiting.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { answerWell, errorLine, resultLine, ScriptedAgent, wellResult } from "./_scripted_agent.ts";
import { socketAt } from "./_sockets.ts";

const SUFFIX = ".org.kvmmanager.agent.0";
/** The protocol's 10 and 30 seconds, about a hundred times faster. */
const FAST = { reconnectMs: 100, pingMs: 100, unavailableMs: 400, scanMs: 60_000 } as const;

/** A pool of a directory, and the events that it emitted. */
class Watched implements AsyncDisposable {
  readonly names: string[] = [];
  readonly events: PoolEvent[] = [];

  private constructor(readonly directory: TempDirectory) {}

  pool!: AgentPool;

  static async open(directory: TempDirectory, options: Partial<PoolOptions> = {}) {
    const watched = new Watched(directory);
    const listener = (event: PoolEvent) => {
      watched.events.push(event);
      watched.names.push(`${event.agent.name} ${event.kind}`);
    };
    watched.pool = await AgentPool.open(
      { searchPaths: [directory.path], ...FAST, ...options },
      listener,
    );
    return watched;
  }

  /** Waits until the event has been emitted this often. */
  async emits(what: string, times = 1): Promise<void> {
    const count = () => this.names.filter((one) => one === what).length;
    await until(
      () => count() >= times,
      () => `"${what}" ${times} times in ${this.names.join(", ")}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close();
  }
}

const socketOf = (directory: TempDirectory, name: string) => directory.at(`${name}${SUFFIX}`);

Deno.test("AgentPool connects to every agent, describes it, and calls it", async () => {
  await using directory = await TempDirectory.make();
  await using _a = new ScriptedAgent(socketOf(directory, "a"));
  await directory.directory("domain-1-b");
  await using _b = new ScriptedAgent(directory.at("domain-1-b/org.kvmmanager.agent.0"));
  await using watched = await Watched.open(directory);
  for (const name of ["a", "b"]) {
    await watched.emits(`${name} connected`);
    await watched.emits(`${name} ready`);
  }
  await until(() => watched.pool.agents.every(({ system }) => system !== undefined), "systems");
  assertEquals(watched.pool.agents.map(({ name, state, problem }) => [name, state, problem]), [
    ["a", "ready", undefined],
    ["b", "ready", undefined],
  ]);
  const [a] = watched.pool.agents;
  assertEquals([a?.info?.version, a?.system?.os_name], ["1.0.0", "Testix"]);
  assertEquals(await a?.call("ping"), { pong: true, timestamp: 1 });
});

Deno.test("AgentPool calls a real agent and passes on its notifications", async () => {
  await using agent = await TestAgent.start();
  const events: PoolEvent[] = [];
  const { socket } = agent.paths;
  const channel = { name: "real", path: socket, isShortened: false };
  const pool = await AgentPool.open(
    { searchPaths: [], channels: [channel], ...FAST },
    (event) => events.push(event),
  );
  await using _pool = pool;
  await until(() => pool.agents[0]?.system !== undefined, "the description");
  const [notification] = events.filter((event) => event.kind === "event");
  assertEquals(notification?.notification.method, "agent_ready");
  assertEquals(pool.agents[0]?.info?.platform, "linux");
});

Deno.test("AgentPool adds VMs that appear, and drops those that are removed", async () => {
  await using directory = await TempDirectory.make();
  await using watched = await Watched.open(directory);
  assertEquals(watched.pool.agents, []);
  {
    await using _agent = new ScriptedAgent(socketOf(directory, "vm"));
    // Through the kernel's watch: here, the pool itself scans only once a minute.
    await watched.emits("vm ready");
    await directory.directory("5-nested");
    await using _nested = new ScriptedAgent(directory.at("5-nested/org.kvmmanager.agent.0"));
    await watched.emits("nested ready");
  }
  await watched.emits("vm gone");
  await watched.emits("nested gone");
  assertEquals(watched.pool.agents, []);
});

Deno.test("AgentPool finds VMs in a directory that is created later", async () => {
  await using directory = await TempDirectory.make();
  const later = directory.at("later");
  await using watched = await Watched.open(directory, { searchPaths: [later], scanMs: 100 });
  await directory.directory("later");
  await using _agent = new ScriptedAgent(`${later}/vm${SUFFIX}`);
  await watched.emits("vm ready");
});

Deno.test("AgentPool reports a lost connection at once, and reconnects", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  await using watched = await Watched.open(directory);
  await watched.emits("vm ready");
  agent.hangUp();
  await watched.emits("vm ready", 2);
  assertEquals(agent.connections, 2);
  assertEquals(watched.names, [
    "vm connected",
    "vm ready",
    "vm unavailable",
    "vm connected",
    "vm ready",
  ]);
  const lost = watched.events[2];
  assert(lost?.kind === "unavailable" && /closed the connection/.test(lost.reason), lost?.kind);
});

Deno.test("AgentPool reports an agent that hangs, and that it is ready when it answers again", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  await using watched = await Watched.open(directory);
  await watched.emits("vm ready");
  agent.answerer = () => undefined;
  await watched.emits("vm unavailable");
  const event = watched.events.find(({ kind }) => kind === "unavailable");
  assert(event?.kind === "unavailable" && /no answer for/.test(event.reason), event?.kind);
  assertEquals(watched.pool.agents[0]?.state, "unavailable");
  agent.answerer = answerWell;
  await watched.emits("vm ready", 2);
  assertEquals([watched.pool.agents[0]?.state, agent.connections], ["ready", 1]);
});

Deno.test("AgentPool counts a refusal as a sign of life, and asks again after a notification", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  agent.answerer = (request) => ({ text: errorLine(request, -32601, "no such method") });
  await using watched = await Watched.open(directory);
  await watched.emits("vm ready");
  agent.answerer = () => undefined;
  await watched.emits("vm unavailable");
  const before = agent.requests.length;
  await agent.send('{"jsonrpc":"2.0","method":"custom"}\n');
  await watched.emits("vm event");
  await until(
    () => agent.requests.slice(before).some(({ method }) => method === "get_agent_info"),
    "the question",
  );
  assertEquals(watched.pool.agents[0]?.state, "unavailable");
  agent.answerer = answerWell;
  await agent.send('{"jsonrpc":"2.0","method":"agent_ready","params":{"version":"2"}}\n');
  await watched.emits("vm ready", 2);
});

Deno.test("AgentPool reports a restart behind an open channel, as QEMU's, with the new version", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  await using watched = await Watched.open(directory);
  await watched.emits("vm ready");
  // The process behind the channel dies; what it was asked is never answered.
  agent.answerer = () => undefined;
  const unanswered = agent.requests.length;
  await until(() => agent.requests.length > unanswered, "a ping that nobody answers");
  agent.answerer = (request) =>
    request.method === "get_agent_info"
      ? { text: resultLine(request, wellResult(request.method, { version: "2.0.0" })) }
      : answerWell(request);
  await agent.send('{"jsonrpc":"2.0","method":"agent_ready","params":{"version":"2.0.0"}}\n');
  await watched.emits("vm ready", 2);
  assertEquals(watched.names.slice(-3), ["vm unavailable", "vm event", "vm ready"]);
  const restart = watched.events.at(-3);
  assert(restart?.kind === "unavailable");
  assertEquals(restart.reason, "the agent was restarted");
  assertEquals(watched.pool.agents[0]?.info?.version, "2.0.0");
  assertEquals(agent.connections, 1);
});

Deno.test("AgentPool does not mistake the first announcement of an agent for a restart", async () => {
  await using directory = await TempDirectory.make();
  const greeting = '{"jsonrpc":"2.0","method":"agent_ready","params":{"version":"1.0.0"}}\n';
  await using _agent = new ScriptedAgent(socketOf(directory, "vm"), greeting);
  await using watched = await Watched.open(directory);
  await watched.emits("vm ready");
  assertEquals(watched.names, ["vm connected", "vm event", "vm ready"]);
});

Deno.test("AgentPool asks a new process again at once for what the old one was asked", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  agent.answerer = () => undefined;
  await using watched = await Watched.open(directory, { unavailableMs: 60_000 });
  await until(() => agent.requests.length >= 2, "the questions that nobody answers");
  agent.answerer = answerWell;
  await agent.send('{"jsonrpc":"2.0","method":"agent_ready","params":{"version":"1.0.0"}}\n');
  await watched.emits("vm ready");
});

Deno.test("AgentPool reports a real agent that is killed and started again, with its version", async () => {
  const first = await TestAgent.start();
  const { paths } = first;
  const channel = { name: "vm", path: paths.socket, isShortened: false };
  await using directory = await TempDirectory.make();
  await using watched = await Watched.open(directory, { searchPaths: [], channels: [channel] });
  await watched.emits("vm ready");
  first.kill("SIGKILL");
  await first.ended();
  await watched.emits("vm unavailable");
  await using _second = await TestAgent.start({ paths });
  await watched.emits("vm ready", 2);
  const events = watched.events.filter(({ kind }) => kind !== "event").map(({ kind }) => kind);
  assertEquals(events, ["connected", "ready", "unavailable", "connected", "ready"]);
  assertEquals(watched.pool.agents[0]?.info?.version, "1.0.0");
});

Deno.test("AgentPool's calls fail immediately while there is no connection", async () => {
  await using directory = await TempDirectory.make();
  await socketAt(socketOf(directory, "vm"));
  await using watched = await Watched.open(directory);
  await watched.emits("vm unavailable");
  const [agent] = watched.pool.agents;
  assert(agent !== undefined);
  await assertRejects(() => agent.call("ping"), CallError, "no process serves this socket");
});

Deno.test("AgentPool pings a hung agent no faster than the pings time out", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  await using watched = await Watched.open(directory);
  await watched.emits("vm ready");
  agent.answerer = () => undefined;
  const before = agent.requests.length;
  const start = performance.now();
  await until(() => performance.now() - start > 2000, "two seconds of silence");
  // A ping waits 0.4 s for its answer; with one every 0.1 s there would be 20.
  const pings = agent.requests.slice(before).filter(({ method }) => method === "ping").length;
  assert(pings >= 2 && pings <= 6, `${pings} pings`);
});

Deno.test("AgentPool: hung, flapping, flooding and lying agents do not delay the others", async () => {
  await using directory = await TempDirectory.make();
  await using stack = new AsyncDisposableStack();
  const add = (name: string, answerer = answerWell, greeting = "") => {
    const agent = stack.use(new ScriptedAgent(socketOf(directory, name), greeting));
    agent.answerer = answerer;
    return agent;
  };
  for (let i = 0; i < 10; i++) {
    add(`well${i}`);
    add(`hung${i}`, () => undefined);
    add(`flapping${i}`, (request) => ({ ...answerWell(request), text: "", hangUp: true }));
    add(`flooding${i}`, () => ({ text: "garbage\n".repeat(20_000) }), "x".repeat(100_000));
    add(`lying${i}`, (request) => {
      const text = answerWell(request)?.text ?? "";
      return { text: `half a li${text.replace(/"id":"[^"]*"/, '"id":"other"')}${text}${text}` };
    });
  }
  await using watched = await Watched.open(directory);
  for (let i = 0; i < 10; i++) await watched.emits(`well${i} ready`);
  await watched.emits("hung0 unavailable");
  const well = watched.pool.agents.filter(({ name }) => name.startsWith("well"));
  assertEquals(well.length, 10);
  for (let round = 0; round < 20; round++) {
    // Generous for a loaded machine: an agent that had to wait for a hung one would wait forever.
    await Promise.all(well.map((agent) => agent.call("ping", {}, { timeoutMs: 20_000 })));
  }
  assert(well.every(({ state }) => state === "ready"));
});

Deno.test("AgentPool reports search paths that it cannot read, and searches the others", async () => {
  await using directory = await TempDirectory.make();
  await directory.file("file", "");
  await directory.directory("good");
  await using _agent = new ScriptedAgent(directory.at(`good/vm${SUFFIX}`));
  await using watched = await Watched.open(directory, {
    searchPaths: [directory.at("file"), directory.at("good")],
  });
  await watched.emits("vm ready");
  assertEquals(watched.pool.problems.length, 1);
  assert(watched.pool.problems[0]?.startsWith(directory.at("file")), watched.pool.problems[0]);
});

Deno.test("AgentPool emits nothing after it was closed, and can be closed while it connects", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  agent.answerer = () => undefined;
  const watched = await Watched.open(directory);
  await watched.pool.close();
  const count = watched.names.length;
  await until(() => agent.connections <= 1, "no further connection");
  assertEquals(watched.names.length, count);
});
