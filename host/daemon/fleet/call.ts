/**
 * A call as it came over NATS, checked before it is made.
 *
 * @module
 */

import type { Msg } from "@nats-io/transport-node";
import { invalidRequest, permissionDenied } from "../../../lib/base/errors.ts";
import { countJsonValues, MAX_VALUES } from "../../../lib/base/memory/json_values.ts";
import { HEADERS, MAX_CALL_MS, MAX_ID_CHARACTERS } from "../../fleet/messages.ts";
import { classOf, readCallSubject, type ReceivedCall } from "../../fleet/subjects.ts";
import { HostError } from "../errors.ts";

/** A call of a fleet's client. */
export interface FleetCall extends ReceivedCall {
  readonly id: string;
  /** In milliseconds since 1970. */
  readonly deadline: number;
  /** The daemon that the client has listed. */
  readonly epoch: string;
  readonly attempt: number;
  /** Who calls; `undefined` if it does not say. */
  readonly client: string | undefined;
  readonly params: unknown;
}

/**
 * Reads a call.
 *
 * @throws {RpcError} if it is not one, or its class does not belong to its method.
 * @throws {HostError} if its deadline has passed.
 */
export function readCall({ subject, headers, data }: Msg, host: string): FleetCall {
  const received = readCallSubject(subject);
  if (received === undefined) throw invalidRequest(`${subject} is not the subject of a call`);
  const { method } = received;
  if (received.class !== classOf(method)) {
    throw permissionDenied(`${method} is of the class ${classOf(method)}, not ${received.class}`, {
      method,
    });
  }
  const header = (name: string) => headers?.get(name) ?? "";
  const id = header(HEADERS.requestId);
  if (id === "" || id.length > MAX_ID_CHARACTERS) {
    throw invalidRequest(`${HEADERS.requestId} must have 1 to ${MAX_ID_CHARACTERS} characters`);
  }
  const attempt = Number(header(HEADERS.attempt) || "1");
  if (!Number.isSafeInteger(attempt) || attempt < 1) {
    throw invalidRequest(`${HEADERS.attempt} must be 1, 2, …`);
  }
  const client = header(HEADERS.client);
  if (client.length > MAX_ID_CHARACTERS) {
    throw invalidRequest(`${HEADERS.client} may have ${MAX_ID_CHARACTERS} characters`);
  }
  return {
    ...received,
    id,
    client: client === "" ? undefined : client,
    deadline: readDeadline(header(HEADERS.deadline), host),
    epoch: header(HEADERS.epoch),
    attempt,
    params: readParams(new TextDecoder().decode(data)),
  };
}

function readDeadline(text: string, host: string): number {
  const deadline = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  const leftMs = deadline - Date.now();
  // Its clock says when it was, so that a person sees which clock is wrong.
  const clock = `by the clock of ${host}, where it is ${new Date().toISOString()}`;
  if (leftMs <= 0) {
    const reason = `its deadline passed ${(-leftMs / 1000).toFixed(1)} s ago ${clock}`;
    throw new HostError("cancelled", { reason, was_sent: false });
  }
  if (leftMs <= MAX_CALL_MS) return deadline;
  throw invalidRequest(
    `${HEADERS.deadline} must be milliseconds since 1970, at most 25 hours from now ${clock}`,
  );
}

function readParams(text: string): unknown {
  if (text === "") return undefined;
  if (text.length > MAX_VALUES && countJsonValues(text) > MAX_VALUES) {
    throw invalidRequest(`a message may have ${MAX_VALUES} values (members and elements)`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw invalidRequest("the parameters are not JSON");
  }
}
