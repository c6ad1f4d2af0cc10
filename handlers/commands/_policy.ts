import type { AgentServices, PolicyRule } from "../../lib/core/method.ts";
import { checkEnvironment, findProgram } from "../../lib/policy/commands.ts";

/** The parameters of a command that the configuration decides about. */
export interface PolicedCommand {
  readonly command: string;
  readonly working_directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The rule that allows a command, for `policy_explain`.
 *
 * @throws {RpcError} if one refuses it.
 */
export function commandRule(
  { command, working_directory, env }: PolicedCommand,
  { config: { security }, guest }: AgentServices,
): PolicyRule {
  const { command_whitelist } = security;
  checkEnvironment(env, security);
  const program = findProgram(command, command_whitelist, guest.commands);
  guest.paths.normalize(working_directory, "working_directory");
  return {
    key: "security.command_whitelist",
    entry: command_whitelist === null ? "null" : program,
    parameter: "command",
  };
}
