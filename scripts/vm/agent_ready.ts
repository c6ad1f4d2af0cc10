/**
 * Waits for an agent's announcement.
 *
 * @module
 */

import { AgentClient } from "../../host/client.ts";
import { Patience } from "./patience.ts";

const POLL_MS = 10;

/**
 * Connects to an agent's port and waits for the next `agent_ready`.
 *
 * @param hasEnded Whether the machine has ended meanwhile.
 * @param lockAs As in `ClientOptions`: what this program does, for other programs of the host.
 * @returns The announcement's parameters.
 * @throws {Error} if it does not come in time, which the machine's load stretches.
 */
export async function agentReady(
  socket: string,
  deadlineMs: number,
  hasEnded: () => boolean,
  lockAs?: string,
): Promise<unknown> {
  let params: unknown;
  let isReady = false;
  const client = await AgentClient.connect(socket, {
    ...lockAs === undefined ? {} : { lockAs },
    onNotification: (notification) => {
      if (notification.method !== "agent_ready") return;
      params = notification.params;
      isReady = true;
    },
  });
  await using _client = client;
  const patience = new Patience(deadlineMs);
  while (!isReady && !hasEnded() && !patience.isOver) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  if (isReady) return params;
  throw new Error(
    hasEnded()
      ? "the guest ended before its agent was ready"
      : `no agent_ready within ${deadlineMs / 1000} s, stretched by the machine's load`,
  );
}
