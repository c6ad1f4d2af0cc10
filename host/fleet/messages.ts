/**
 * What hosts and their clients say to each other over NATS.
 *
 * @module
 */

import * as z from "zod";
import { HOST_NAME_REGEXP } from "./subjects.ts";

/** The headers of a call. */
export const HEADERS = {
  /** When the client stops waiting, in milliseconds since 1970. */
  deadline: "Kvm-Deadline",
  /** The same for each attempt at a call. */
  requestId: "Kvm-Request-Id",
  /** The daemon that the client has listed: another one cannot know what that one has begun. */
  epoch: "Kvm-Epoch",
  /** 1, 2, … */
  attempt: "Kvm-Attempt",
  /** Who calls; see {@link SignOfLife}. */
  client: "Kvm-Client",
} as const;

/** The longest id of a request. */
export const MAX_ID_CHARACTERS = 100;
/** The longest time from now to a deadline. */
export const MAX_CALL_MS: number = 25 * 3600 * 1000;

const Vm = z.looseObject({
  id: z.string(),
  name: z.string(),
  tenant: z.string(),
  state: z.string(),
  problem: z.optional(z.string()),
  labels: z._default(z.record(z.string(), z.string()), {}),
});

/** A host's answer about its VMs; one with many takes several. */
export const HostList = z.looseObject({
  host: z.string().check(z.regex(HOST_NAME_REGEXP)),
  /** Changes with each start of the daemon. */
  epoch: z.string(),
  /** The host's clock, in milliseconds since 1970. */
  time: z.number(),
  part: z.int(),
  parts: z.int(),
  vms: z.array(Vm),
});

/** A host's answer about its VMs. */
export type HostList = z.output<typeof HostList>;

/** The answer to a call. */
export const CallAnswer = z.looseObject({
  result: z.optional(z.unknown()),
  error: z.optional(z.looseObject({
    code: z.number(),
    message: z.string(),
    data: z.optional(z.unknown()),
  })),
});

/** What cancels a call. */
export const Cancellation = z.looseObject({ id: z.string() });

/**
 * A client with calls under way is alive, and says so again within this time. It goes where calls are
 * cancelled.
 */
export const SignOfLife = z.looseObject({
  alive: z.string(),
  for_ms: z.number().check(z.positive()),
});

/** The value that a schema finds in a message; `undefined` if it is not that. */
export function parseMessage<T>(schema: z.ZodMiniType<T>, text: string): T | undefined {
  try {
    return z.safeParse(schema, JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
