/**
 * How far a guest's clock is from the host's.
 *
 * @module
 */

import type { AgentClient, CallOptions } from "./client.ts";
import type { PoolAgent } from "./member.ts";
import type { ResultOf } from "./protocol.ts";

const DEFAULT_ROUNDS = 5;

/** A guest's clock compared with the host's. */
export interface ClockOffset {
  /** Milliseconds that the guest is ahead; negative if it is behind. */
  readonly offsetMs: number;
  /** The offset is wrong by at most this, in milliseconds. */
  readonly uncertaintyMs: number;
  /** What the guest told of its clock. */
  readonly guest: ResultOf<"time_get">;
}

/** The host's clock before and after a call, in milliseconds since 1970-01-01 UTC. */
export interface RoundTrip {
  readonly sentMs: number;
  readonly receivedMs: number;
}

/**
 * Computes the offset from one call, as NTP does (RFC 5905, section 8): the time in the guest is
 * subtracted, and the rest could all have been spent on one way.
 */
export function offsetOf(
  { sentMs, receivedMs }: RoundTrip,
  guest: ResultOf<"time_get">,
): ClockOffset {
  const onTheWayMs = (receivedMs - sentMs) - (guest.sent_ms - guest.received_ms);
  return {
    offsetMs: ((guest.received_ms - sentMs) + (guest.sent_ms - receivedMs)) / 2,
    uncertaintyMs: Math.max(0, onTheWayMs) / 2,
    guest,
  };
}

/**
 * Measures the offset: the call that was on the way for the shortest time tells most.
 *
 * @param rounds How many calls. @default {5}
 * @throws {AnswerError} {CallError} as `client.call()`.
 */
export async function measureClockOffset(
  client: AgentClient | PoolAgent,
  options: CallOptions = {},
  rounds = DEFAULT_ROUNDS,
): Promise<ClockOffset> {
  let best: ClockOffset | undefined;
  for (let round = 0; round < rounds || best === undefined; round += 1) {
    const sentMs = nowMs();
    const guest = await client.call("time_get", {}, options);
    const measured = offsetOf({ sentMs, receivedMs: nowMs() }, guest);
    if (best === undefined || measured.uncertaintyMs < best.uncertaintyMs) best = measured;
  }
  return best;
}

const nowMs = () => Number(Temporal.Now.instant().epochNanoseconds / 1000n) / 1000;
