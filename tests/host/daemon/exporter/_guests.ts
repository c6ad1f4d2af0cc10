/**
 * Agents with the answers of the reference's examples, and what a program sees of them.
 *
 * @module
 */

import { fail } from "@std/assert";
import { METHODS } from "../../../../handlers/mod.ts";
import type { VmSource } from "../../../../host/daemon/exporter/sampler.ts";
import { AgentPool } from "../../../../host/pool.ts";
import { isResultOf, type MethodName, type ResultOf } from "../../../../host/protocol.ts";
import { until } from "../../../_waiting.ts";
import { TempDirectory } from "../../../lib/_helpers.ts";
import { type Answerer, errorLine, resultLine, ScriptedAgent } from "../../_scripted_agent.ts";

/**
 * Results by method, instead of those of the examples, or functions that make them; `undefined` for no
 * answer.
 */
export type Results = Readonly<Record<string, unknown>>;

/** The capabilities of an agent that the exporter uses. */
const CAPABILITIES = ["disk_usage", "metrics", "services", "system_info", "time_get"];

/** The result of a method's example. */
export function exampleOf<Name extends MethodName>(name: Name): ResultOf<Name> {
  const result: unknown = METHODS.find((method) => method.name === name)?.example.result;
  return isResultOf(name, result) ? result : fail(`the example of ${name} is not valid`);
}

/** Answers with the results of the reference's examples. */
export function answerExamples(results: Results = {}): Answerer {
  return (request) => {
    const { method } = request;
    if (method in results) {
      const given = results[method];
      if (given === undefined) return undefined;
      return { text: resultLine(request, typeof given === "function" ? given() : given) };
    }
    const result = METHODS.find(({ name }) => name === method)?.example.result;
    if (result === undefined) return { text: errorLine(request, -32601, `no ${method}`) };
    const told = method === "get_agent_info" ? { ...result, capabilities: CAPABILITIES } : result;
    return { text: resultLine(request, told) };
  };
}

/** Agents of these names in a directory of their own, and a pool that is connected to them. */
export class Guests implements AsyncDisposable, VmSource {
  /** UUIDs by name. */
  readonly uuids = new Map<string, string>();

  private constructor(
    readonly directory: TempDirectory,
    readonly agents: ReadonlyMap<string, ScriptedAgent>,
    readonly pool: AgentPool,
  ) {}

  /** Starts them; resolves when all are ready. */
  static async start(answerers: Readonly<Record<string, Answerer>>): Promise<Guests> {
    const directory = await TempDirectory.make();
    const agents = Object.entries(answerers).map(([name, answerer], index) => {
      const agent = new ScriptedAgent(directory.at(`${index}.sock`));
      agent.answerer = answerer;
      return [name, agent] as const;
    });
    const channels = agents.map(([name, { path }]) => ({ name, path, isShortened: false }));
    const pool = await AgentPool.open({ searchPaths: [], channels });
    await until(() => pool.agents.every(({ state }) => state === "ready"), "all agents");
    return new Guests(directory, new Map(agents), pool);
  }

  get vms(): VmSource["vms"] {
    return this.pool.agents.map((agent) => {
      const uuid = this.uuids.get(agent.name);
      return { name: agent.name, domain: uuid === undefined ? undefined : { uuid }, agent };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close();
    for (const agent of this.agents.values()) await agent[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}
