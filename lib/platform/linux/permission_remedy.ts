/**
 * What to do if Deno refuses what the agent's configuration allows.
 *
 * @module
 */

/** The one socket that a compiled agent may serve its host on. */
export const LISTEN_SOCKET = "/run/kvmmanager-agent/agent.sock";

/**
 * For anything that the configuration names.
 *
 * @param configFile The configuration file, if it is known.
 */
export const permissionRemedy = (configFile = "FILE"): string =>
  Deno.build.standalone
    ? `compile the agent for this configuration (deno task compile --config ${configFile}) and ` +
      "start that binary"
    : "restart the agent: its permissions are derived from its configuration and its command line " +
      "at startup";

/** For a unix socket, which the command line may also name. */
export const socketRemedy = (): string =>
  Deno.build.standalone
    ? `a compiled agent may use ${LISTEN_SOCKET} for --channel listen:, and the ` +
      "command_monitor.pipe_path that it was compiled with (deno task compile --config FILE)"
    : permissionRemedy();
