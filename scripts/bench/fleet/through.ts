/**
 * What a call costs through the daemon, compared with one through the agent's channel itself.
 *
 * @module
 */

import { CHANNEL_NAME } from "../../../host/channels.ts";
import { AgentClient } from "../../../host/client.ts";
import { AGENT_ENVIRONMENT, agentCommand } from "../../agent.ts";
import { HostdProcess } from "../../fleet/hostd.ts";
import { end } from "../../fleet/server.ts";
import { makeCalls } from "./load.ts";
import { processorTimes, sum } from "./processor.ts";
import type { Result } from "./result.ts";

/** What is called: how often, so many at a time, and what it may cost through the daemon. */
const CALLS = [
  { what: "exec_command", inFlight: 1, share: 0.05, limit: 1.5 },
  { what: "exec_command", inFlight: 8, share: 0.05, limit: 1.5 },
  { what: "get_metrics", inFlight: 1, share: 0.02, limit: 1.5 },
  { what: "ping", inFlight: 1, share: 1, limit: undefined },
  { what: "ping", inFlight: 16, share: 1, limit: undefined },
] as const;
const PARAMS: Readonly<Record<string, unknown>> = { exec_command: { command: "/bin/true" } };
const ROUNDS = 3;
const START_MS = 20_000;

/**
 * Measures calls to a packaged agent, both ways: the processor time of all processes together.
 *
 * @param count Of the cheapest calls.
 */
export async function throughDaemon(count: number): Promise<Result[]> {
  await using stack = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-bench-" });
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const channel = `${directory}/vm.${CHANNEL_NAME}`;
  const agent = await startAgent(directory, channel, stack);
  const direct = await measure(await untilAnswered(channel), [agent], count);
  const socket = `${directory}/hostd.sock`;
  const daemon = stack.use(
    new HostdProcess([
      ...["--socket", socket, "--channels", directory],
      ...["--libvirt-status", `${directory}/none`],
    ]),
  );
  await daemon.says("serving");
  const through = await measure(await untilAnswered(socket, "vm"), [agent, daemon.pid], count);
  return CALLS.flatMap(({ what, inFlight, limit }, index): Result[] => {
    const [before = Number.NaN, after = Number.NaN] = [direct[index], through[index]];
    const row = `${what}, ${inFlight} at a time, CPU of all processes`;
    return [
      { what: `${row}, through the channel`, value: before, unit: "µs" },
      { what: `${row}, through the daemon`, value: after, unit: "µs" },
      {
        what: `${row}, daemon/channel`,
        value: after / before,
        unit: "x",
        ...limit !== undefined && { limit: { below: limit } },
      },
    ];
  });
}

/** Starts the agent as it is shipped, without a limit of its rate; returns its process id. */
async function startAgent(
  directory: string,
  channel: string,
  stack: AsyncDisposableStack,
): Promise<number> {
  const config = `${directory}/config.json`;
  const settings = { log_level: "error", log_file: null, state_directory: null };
  await Deno.writeTextFile(
    config,
    JSON.stringify({ ...settings, max_requests_per_second: 10_000_000 }),
  );
  const args = ["--channel", `listen:${channel}`, "--config", config];
  const agent = new Deno.Command(Deno.execPath(), {
    args: await agentCommand(args, { bundled: true }),
    env: AGENT_ENVIRONMENT,
    stdin: "null",
  }).spawn();
  stack.defer(() => end(agent));
  return agent.pid;
}

/** Connects; the first answer shows that the agent, or the daemon and the agent, are there. */
async function untilAnswered(path: string, vm?: string): Promise<AgentClient> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    try {
      const client = await AgentClient.connect(path, { vm });
      await client.call("ping");
      return client;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Microseconds a call, for each of {@link CALLS}: the least of several rounds. */
async function measure(
  client: AgentClient,
  servers: readonly number[],
  count: number,
): Promise<number[]> {
  await using _client = client;
  const costs: number[] = [];
  for (const { what, inFlight, share } of CALLS) {
    const calls = Math.ceil(count * share);
    const call = () => client.callUnchecked(what, PARAMS[what] ?? {});
    await makeCalls(calls, inFlight, call);
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const used = await processorTimes([Deno.pid, ...servers], async () => {
        const { times } = await makeCalls(calls, inFlight, call);
        if (times.includes(Number.POSITIVE_INFINITY)) throw new Error(`a call of ${what} failed`);
      });
      rounds.push(sum(used) / calls);
    }
    costs.push(Math.min(...rounds));
  }
  return costs;
}
