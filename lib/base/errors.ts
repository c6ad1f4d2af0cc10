/**
 * The protocol's error table, and the error class that carries one row of it.
 *
 * Any part of the agent may throw these errors; the dialects turn them into replies.
 *
 * @module
 */

import { messageOf } from "./message_of.ts";

/** One row of the error table: the code on the wire and its standard text. */
export interface ErrorKind {
  readonly code: number;
  readonly message: string;
}

/**
 * Every error the agent replies with (protocol, "Standard Error Codes"; -32004 is an addition).
 * `docs/protocol.md` is generated from `meaning`.
 */
export const ERRORS = {
  parseError: {
    code: -32700,
    message: "Parse error",
    meaning: "The line is not UTF-8 or not JSON",
  },
  invalidRequest: {
    code: -32600,
    message: "Invalid Request",
    meaning: "Not a valid request, or a line over the size limit",
  },
  methodNotFound: {
    code: -32601,
    message: "Method not found",
    meaning: "There is no method with that name",
  },
  invalidParams: {
    code: -32602,
    message: "Invalid params",
    meaning: "A parameter is missing, unknown, of the wrong type or out of range",
  },
  internalError: {
    code: -32603,
    message: "Internal error",
    meaning: "A bug in the agent; see its log",
  },
  commandFailed: {
    code: -32000,
    message: "Command failed",
    meaning: "The request was valid but failed",
  },
  permissionDenied: {
    code: -32001,
    message: "Permission denied",
    meaning: "Refused by the configuration, the agent's confinement or the guest's permissions",
  },
  notFound: { code: -32002, message: "Not found", meaning: "The file or program does not exist" },
  timeout: {
    code: -32003,
    message: "Timeout",
    meaning: "Timed out; the work was stopped",
  },
  tooManyRequests: {
    code: -32004,
    message: "Too many requests",
    meaning: "Over the rate limit, or the queue is full; nothing was done",
  },
} as const satisfies Record<string, ErrorKind & { meaning: string }>;

/** The name of a row of {@link ERRORS}. */
export type ErrorName = keyof typeof ERRORS;

/** A reply's `error.data`: always the reason, and details such as the path or the command. */
export type ErrorData = { readonly reason: string } & Record<string, unknown>;

/** An error for the host: one row of {@link ERRORS} and what happened. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly data: ErrorData;

  constructor(readonly kind: ErrorName, reason: string, details: Record<string, unknown> = {}) {
    super(reason);
    this.code = ERRORS[kind].code;
    this.data = { reason, ...details };
  }

  /** The `error` member of a reply (JSON-RPC 2.0, section 5.1). */
  toWire(): { code: number; message: string; data: ErrorData } {
    return { code: this.code, message: ERRORS[this.kind].message, data: this.data };
  }
}

type Constructor = (reason: string, details?: Record<string, unknown>) => RpcError;

const constructorOf = (kind: ErrorName): Constructor => (reason, details) =>
  new RpcError(kind, reason, details);

/** -32700: the line is not UTF-8 or not JSON. */
export const parseError: Constructor = constructorOf("parseError");
/** -32600: JSON that is not a request. */
export const invalidRequest: Constructor = constructorOf("invalidRequest");
/** -32601: there is no method with that name. */
export const methodNotFound: Constructor = constructorOf("methodNotFound");
/** -32602: an invalid parameter. */
export const invalidParams: Constructor = constructorOf("invalidParams");
/** -32603: a bug in the agent; the reason never names internals. */
export const internalError: Constructor = constructorOf("internalError");
/** -32000: the request was valid but failed. */
export const commandFailed: Constructor = constructorOf("commandFailed");
/** -32000 with `stopping`: the agent is stopping, and has not started the request. */
export const agentStopping = (): RpcError =>
  commandFailed("the agent is stopping; the request was not started", { stopping: true });
/** -32001: refused by the policy, the confinement or the guest's permissions. */
export const permissionDenied: Constructor = constructorOf("permissionDenied");
/** -32002: the file or program does not exist. */
export const notFound: Constructor = constructorOf("notFound");
/** -32003: timed out; the work was stopped. */
export const timedOut: Constructor = constructorOf("timeout");
/** -32004: over the rate limit, or the queue is full. */
export const tooManyRequests: Constructor = constructorOf("tooManyRequests");

/**
 * The row for an error of the runtime or the kernel that a person can act on; `undefined` for a bug
 * in the agent. `NotCapable` is Deno's refusal: the confinement blocked the request.
 */
function nativeKind(error: unknown): ErrorName | undefined {
  if (error instanceof Deno.errors.NotFound) return "notFound";
  if (error instanceof Deno.errors.PermissionDenied) return "permissionDenied";
  if (error instanceof Deno.errors.NotCapable) return "permissionDenied";
  if (error instanceof Deno.errors.TimedOut) return "timeout";
  // The messages of other kernel errors (ENOSPC, EIO, EROFS, E2BIG …) contain their number;
  // JavaScript's never do.
  if (error instanceof Error && /\(os error \d+\)/.test(error.message)) return "commandFailed";
  return undefined;
}

/** The first line of a native message. */
function nativeReason(error: Error): string {
  const [line = ""] = messageOf(error).split("\n");
  return error instanceof Deno.errors.NotCapable ? `the agent is confined: ${line}` : line;
}

/**
 * The error to reply with for anything thrown while a request ran: an {@link RpcError} unchanged,
 * and refusals of the kernel and the runtime by their kind. `undefined` for everything else: the
 * caller logs it in full and answers with a fixed text.
 */
export function toRpcError(
  error: unknown,
  details?: Record<string, unknown>,
): RpcError | undefined {
  if (error instanceof RpcError) return error;
  const kind = nativeKind(error);
  if (kind === undefined || !(error instanceof Error)) return undefined;
  return new RpcError(kind, nativeReason(error), details);
}
