/**
 * Finds out what is wrong with an installed agent, from inside the guest.
 *
 * @module
 */

import type { Config } from "../../../config/schema.ts";
import type { Finding } from "../../finding.ts";
import { distrust } from "../privileged/trusted_file.ts";
import { AGENT_UNIT } from "../privileged/peer.ts";
import { runScript } from "../shell.ts";
import { judge, parseFacts } from "./judge.ts";
import { FACTS } from "./script.ts";

/** The unit's socket (install/systemd/kvmmanager-agent-privileged.socket). */
const BROKER_SOCKET = "/run/kvmmanager-agent-privileged.sock";
const TIMEOUT_MS = 30_000;

/**
 * Examines the agent.
 *
 * @param source The file that the configuration is from, or "defaults".
 */
export async function diagnose(config: Config, source: string): Promise<Finding[]> {
  const stateDirectory = config.state_directory;
  const text = await runScript({
    code: FACTS,
    args: [config.channel_name, stateDirectory ?? "/", AGENT_UNIT, BROKER_SOCKET],
    timeoutMs: TIMEOUT_MS,
    signal: new AbortController().signal,
  });
  return judge(parseFacts(text), {
    channelName: config.channel_name,
    unit: AGENT_UNIT,
    brokerSocket: BROKER_SOCKET,
    stateDirectory,
    distrust: source === "defaults" ? undefined : await distrust(source),
  });
}
