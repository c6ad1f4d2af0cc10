/**
 * The program that the tests in this folder start: the agent from source, or the one that
 * `KVMMANAGER_AGENT_BINARY` names.
 *
 * @module
 */

import { flagsFor, shellWords } from "../../commands/permissions.ts";
import { LINUX } from "../../lib/platform/linux/mod.ts";
import { AGENT_ENVIRONMENT, agentCommand } from "../../scripts/agent.ts";

/**
 * The packaged launcher (scripts/package/program.ts) under test, from `KVMMANAGER_AGENT_BINARY`;
 * `undefined` to test the source. `deno task test:packaged` sets it.
 */
const PACKAGED = Deno.env.get("KVMMANAGER_AGENT_BINARY") || undefined;

/** Whether the packaged program is tested, which starts itself again where the source cannot. */
export const IS_PACKAGED = PACKAGED !== undefined;

/**
 * How many times longer than usual to wait for it: under emulation each start takes 5 to 10 s of a
 * processor. `deno task test:arm64` sets the variable.
 */
export const PATIENCE = Deno.env.get("KVMMANAGER_AGENT_EMULATED") === undefined ? 1 : 10;

/** A program to start. */
export interface Program {
  /** The program and its arguments. */
  readonly words: readonly string[];
  /** Variables besides inherited ones. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * What starts the agent with a command line.
 *
 * @param change Changes the arguments of `deno` that are derived from the configuration. Its first
 * argument is `run`.
 */
export async function agentProgram(
  args: readonly string[],
  change?: (args: readonly string[]) => readonly string[],
): Promise<Program> {
  if (PACKAGED === undefined) {
    const command = await agentCommand(args, { bundled: false });
    return { words: [Deno.execPath(), ...change?.(command) ?? command], env: AGENT_ENVIRONMENT };
  }
  const words = [PACKAGED, ...args];
  if (change === undefined) return { words, env: {} };
  const [, ...flags] = change(["run", ...await flagsFor(args, LINUX)]);
  // The launcher takes them instead of asking the agent.
  return { words, env: { KVMMANAGER_AGENT_FLAGS: shellWords(flags) } };
}
