import type { AgentServices, PolicyRule } from "../../lib/core/method.ts";
import { checkEnvironment, findProgram } from "../../lib/policy/commands.ts";
import { workingDirectoryOf } from "./_working_directory.ts";

/** The parameters of a command that the configuration decides about. */
export interface PolicedCommand {
  readonly command: string;
  readonly working_directory?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The rule that allows a command, for `policy_explain`.
 *
 * @throws {RpcError} if one refuses it.
 */
export function commandRule(
  params: PolicedCommand,
  { config: { security }, guest }: AgentServices,
): PolicyRule {
  const { command, env } = params;
  const { command_whitelist } = security;
  checkEnvironment(env, security);
  const program = findProgram(command, command_whitelist, guest.commands);
  workingDirectoryOf(params, guest);
  return {
    key: "security.command_whitelist",
    entry: command_whitelist === null ? "null" : program,
    parameter: "command",
  };
}
