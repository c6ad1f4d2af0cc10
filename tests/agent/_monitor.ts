/**
 * Agents with a command monitor, and programs of their guest that use it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import * as z from "zod";
import type { CommandAnswer } from "../../lib/monitor/answer.ts";
import { sendCommand } from "../../lib/platform/linux/monitor_client.ts";
import { type AgentOptions, type Configuration, type Paths, TestAgent } from "./_agent.ts";

/** The answer of a command that returns nothing. */
export const Nothing = z.strictObject({ Status: z.literal(0), StatusMessage: z.literal("") });

/** The monitor's socket, in a directory that the agent creates. */
export const pipeOf = ({ directory }: Paths): string => `${directory}/monitor/commands.sock`;

/** A configuration with a command monitor. */
export const monitored = (
  paths: Paths,
  changes: Readonly<Record<string, unknown>> = {},
): Configuration => ({
  command_monitor: { enabled: true, pipe_path: pipeOf(paths), ...changes },
});

/** Starts an agent with a command monitor; `config` is merged over it. */
export async function startMonitored(options: AgentOptions = {}): Promise<TestAgent> {
  return await TestAgent.start({
    ...options,
    config: (paths) => ({ ...monitored(paths), ...options.config?.(paths) }),
  });
}

/** Sends a command. */
export async function command(
  agent: TestAgent,
  name: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<CommandAnswer> {
  return await sendCommand(pipeOf(agent.paths), { Name: name, ...fields });
}

/** Sends a command that must succeed; returns its answer as the schema parses it. */
export async function succeed<Schema extends z.ZodMiniType>(
  agent: TestAgent,
  name: string,
  schema: Schema,
  fields?: Readonly<Record<string, unknown>>,
): Promise<z.output<Schema>> {
  const answer = await command(agent, name, fields);
  assertEquals(answer.Status, 0, JSON.stringify(answer));
  return z.parse(schema, answer);
}
