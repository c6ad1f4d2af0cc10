import { assert, assertEquals, assertRejects } from "@std/assert";
import { CallError } from "../../host/errors.ts";
import type { PoolEvent } from "../../host/member.ts";
import { AgentPool, type PoolOptions } from "../../host/pool.ts";
import { TestAgent } from "../agent/_agent.ts";
import { until } from "../agent/_waiting.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { answerWell, errorLine, ScriptedAgent } from "./_scripted_agent.ts";
import { socketAt } from "./_sockets.ts";

const SUFFIX = ".org.kvmmanager.agent.0";
/** The protocol's 10 and 30 seconds, a hundred times as fast. */
const FAST = { reconnectMs: 100, pingMs: 100, unavailableMs: 400, scanMs: 60_000 } as const;

/** A pool of a directory, and what it told. */
class Watched implements AsyncDisposable {
  readonly told: string[] = [];
  readonly events: PoolEvent[] = [];

  private constructor(readonly directory: TempDirectory) {}

  pool!: AgentPool;

  static async open(directory: TempDirectory, options: Partial<PoolOptions> = {}) {
    const watched = new Watched(directory);
    const listener = (event: PoolEvent) => {
      watched.events.push(event);
      watched.told.push(`${event.agent.name} ${event.kind}`);
    };
    watched.pool = await AgentPool.open(
      { searchPaths: [directory.path], ...FAST, ...options },
      listener,
    );
    return watched;
  }

  /** Waits until it was told so often. */
  async tells(what: string, times = 1): Promise<void> {
    const count = () => this.told.filter((one) => one === what).length;
    await until(
      () => count() >= times,
      () => `"${what}" ${times} times in ${this.told.join(", ")}`,
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
    await watched.tells(`${name} connected`);
    await watched.tells(`${name} ready`);
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

Deno.test("AgentPool talks to a real agent and hands on its notifications", async () => {
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

Deno.test("AgentPool finds VMs that come, and lets go of those that are gone", async () => {
  await using directory = await TempDirectory.make();
  await using watched = await Watched.open(directory);
  assertEquals(watched.pool.agents, []);
  {
    await using _agent = new ScriptedAgent(socketOf(directory, "vm"));
    // Told by the kernel: the pool looks by itself only once a minute here.
    await watched.tells("vm ready");
    await directory.directory("5-nested");
    await using _nested = new ScriptedAgent(directory.at("5-nested/org.kvmmanager.agent.0"));
    await watched.tells("nested ready");
  }
  await watched.tells("vm gone");
  await watched.tells("nested gone");
  assertEquals(watched.pool.agents, []);
});

Deno.test("AgentPool finds what comes in a directory that was not there at first", async () => {
  await using directory = await TempDirectory.make();
  const later = directory.at("later");
  await using watched = await Watched.open(directory, { searchPaths: [later], scanMs: 100 });
  await directory.directory("later");
  await using _agent = new ScriptedAgent(`${later}/vm${SUFFIX}`);
  await watched.tells("vm ready");
});

Deno.test("AgentPool connects again after a connection is lost", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  await using watched = await Watched.open(directory);
  await watched.tells("vm ready");
  agent.hangUp();
  await watched.tells("vm ready", 2);
  assert(agent.connections >= 2);
  assertEquals(watched.told.filter((one) => one === "vm unavailable"), []);
});

Deno.test("AgentPool calls an agent unavailable that does not answer, and recovered once it does", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  await using watched = await Watched.open(directory);
  await watched.tells("vm ready");
  agent.answerer = () => undefined;
  await watched.tells("vm unavailable");
  const event = watched.events.find(({ kind }) => kind === "unavailable");
  assert(event?.kind === "unavailable" && /no answer for/.test(event.reason), event?.kind);
  assertEquals(watched.pool.agents[0]?.state, "unavailable");
  agent.answerer = answerWell;
  await watched.tells("vm recovered");
  assertEquals([watched.pool.agents[0]?.state, agent.connections], ["ready", 1]);
});

Deno.test("AgentPool takes any sign of life for one: a refusal, a notification", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  agent.answerer = (request) => ({ text: errorLine(request, -32601, "no such method") });
  await using watched = await Watched.open(directory);
  await watched.tells("vm ready");
  agent.answerer = () => undefined;
  await watched.tells("vm unavailable");
  await agent.send('{"jsonrpc":"2.0","method":"agent_ready","params":{"version":"2"}}\n');
  await watched.tells("vm recovered");
  await watched.tells("vm event");
});

Deno.test("AgentPool's calls fail at once while there is no connection", async () => {
  await using directory = await TempDirectory.make();
  await socketAt(socketOf(directory, "vm"));
  await using watched = await Watched.open(directory);
  await watched.tells("vm unavailable");
  const [agent] = watched.pool.agents;
  assert(agent !== undefined);
  await assertRejects(() => agent.call("ping"), CallError, "nobody serves this socket");
});

Deno.test("AgentPool pings a hung agent no faster than it gives pings up", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  await using watched = await Watched.open(directory);
  await watched.tells("vm ready");
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
  for (let i = 0; i < 10; i++) await watched.tells(`well${i} ready`);
  await watched.tells("hung0 unavailable");
  const well = watched.pool.agents.filter(({ name }) => name.startsWith("well"));
  assertEquals(well.length, 10);
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    await Promise.all(well.map((agent) => agent.call("ping", {}, { timeoutMs: 5000 })));
    assert(performance.now() - start < 5000);
  }
  assert(well.every(({ state }) => state === "ready"));
});

Deno.test("AgentPool tells the searchPaths that it may not read, and looks at the others", async () => {
  await using directory = await TempDirectory.make();
  await directory.file("file", "");
  await directory.directory("good");
  await using _agent = new ScriptedAgent(directory.at(`good/vm${SUFFIX}`));
  await using watched = await Watched.open(directory, {
    searchPaths: [directory.at("file"), directory.at("good")],
  });
  await watched.tells("vm ready");
  assertEquals(watched.pool.problems.length, 1);
  assert(watched.pool.problems[0]?.startsWith(directory.at("file")), watched.pool.problems[0]);
});

Deno.test("AgentPool tells nothing more after it was closed, and may be closed while it connects", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(socketOf(directory, "vm"));
  agent.answerer = () => undefined;
  const watched = await Watched.open(directory);
  await watched.pool.close();
  const told = watched.told.length;
  await until(() => agent.connections <= 1, "no further connection");
  assertEquals(watched.told.length, told);
});
