/**
 * Overload: ten times the permitted rate beside slow commands, and a host that never reads.
 *
 * @module
 */

import { ERRORS } from "../../lib/base/errors.ts";
import { member } from "../bench/caller.ts";
import { parseLine, type Wire } from "../bench/wire.ts";

/** The rate limit of the overloaded agent, which is the default. */
export const PER_SECOND = 100;
const TIMES = 10;
const SLOW_COMMANDS = 10;
const TICK_MS = 20;

/** The agent that is overloaded. */
interface Overloaded {
  connect(): Promise<Wire>;
}

/** How the agent performed. */
export interface OverloadReport {
  /** From the first request to the last reply. */
  readonly seconds: number;
  readonly sent: number;
  readonly letIn: number;
  readonly turnedAway: number;
  /** The slowest reply, slow commands aside. */
  readonly slowestMs: number;
  /** From the end of the flood to the first request that was served normally. */
  readonly recoveryMs: number;
}

/** Floods an agent with {@link TIMES} times its rate limit while ten slow commands run. */
export async function flood(
  agent: Overloaded,
  seconds: number,
  onProgress: () => Promise<void>,
): Promise<OverloadReport> {
  const wire = await agent.connect();
  using _wire = wire;
  await wire.readLine();
  for (let id = 1; id <= SLOW_COMMANDS; id++) {
    const params = { command: "sleep", args: [String(seconds)], timeout_seconds: seconds + 30 };
    await wire.send(line(-id, "exec_command", params));
  }
  const sentAt = new Map<number, number>();
  let [sent, letIn, turnedAway, slowestMs] = [0, 0, 0, 0];
  let isOver = false;
  const receiving = (async () => {
    for (let left = SLOW_COMMANDS; !isOver || sentAt.size > 0 || left > 0;) {
      const answer = parseLine(await wire.readLine());
      const id = member(answer, "id");
      if (typeof id !== "number") continue;
      if (id < 0) left -= 1;
      else {
        slowestMs = Math.max(slowestMs, performance.now() - (sentAt.get(id) ?? 0));
        sentAt.delete(id);
        if (isTurnedAway(answer)) turnedAway += 1;
        else letIn += 1;
      }
    }
  })();
  const start = performance.now();
  const end = start + seconds * 1000;
  let nextProgress = start;
  while (performance.now() < end) {
    const due = (performance.now() - start) / 1000 * PER_SECOND * TIMES;
    let lines = "";
    for (; sent < due; sent++) {
      sentAt.set(sent, performance.now());
      lines += line(sent, "ping", {});
    }
    if (lines !== "") await wire.send(lines);
    if (performance.now() > nextProgress) {
      nextProgress += seconds * 1000 / 10;
      await onProgress();
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  isOver = true;
  await receiving;
  return {
    seconds: (performance.now() - start) / 1000,
    sent,
    letIn,
    turnedAway,
    slowestMs,
    recoveryMs: await recovery(wire),
  };
}

/**
 * Sends without reading until the channel stalls, then reads everything.
 *
 * @returns Milliseconds until the agent serves normally again.
 */
export async function neverRead(
  agent: Overloaded,
  count: number,
  pauseMs: number,
): Promise<number> {
  const wire = await agent.connect();
  using _wire = wire;
  const text = line(0, "get_agent_info", {}).repeat(100);
  const sending = (async () => {
    for (let sent = 0; sent < count; sent += 100) await wire.send(text);
  })();
  // While no host reads, the agent accepts no more: the rest waits on the host.
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  const reading = (async () => {
    for (let received = 0; received <= count; received++) await wire.readLine();
  })();
  await Promise.all([sending, reading]);
  return await recovery(wire);
}

/** Milliseconds until a request is served normally. */
async function recovery(wire: Wire): Promise<number> {
  const start = performance.now();
  for (;;) {
    await wire.send(line(0, "get_system_info", {}));
    const answer = parseLine(await wire.readLine());
    if (member(answer, "result") !== undefined) return performance.now() - start;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const line = (id: number, method: string, params: unknown) =>
  `${JSON.stringify({ jsonrpc: "2.0", method, params, id })}\n`;

const isTurnedAway = (answer: unknown) =>
  member(member(answer, "error"), "code") === ERRORS.tooManyRequests.code;
