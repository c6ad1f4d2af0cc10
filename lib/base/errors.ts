/**
 * The protocol's error table, and the one error class that carries a row of it.
 *
 * A leaf: every part of the agent may throw these, and the dispatcher turns them into answers.
 *
 * @module
 */

/** One row of the error table: the number on the wire and its fixed text. */
export interface ErrorKind {
  readonly code: number;
  readonly message: string;
}

/**
 * Every error the agent answers with (protocol, "Standard Error Codes"; -32004 is ours).
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
    meaning: "JSON, but not a request; or a line over the size limit",
  },
  methodNotFound: { code: -32601, message: "Method not found", meaning: "No method of that name" },
  invalidParams: {
    code: -32602,
    message: "Invalid params",
    meaning: "A parameter is missing, unknown, of the wrong type or out of range",
  },
  internalError: {
    code: -32603,
    message: "Internal error",
    meaning: "A fault of the agent; its log has the details",
  },
  commandFailed: {
    code: -32000,
    message: "Command failed",
    meaning: "The request was right, and carrying it out failed",
  },
  permissionDenied: {
    code: -32001,
    message: "Permission denied",
    meaning: "Refused by the agent's configuration, by its confinement or by the guest",
  },
  notFound: { code: -32002, message: "Not found", meaning: "The file or program does not exist" },
  timeout: {
    code: -32003,
    message: "Timeout",
    meaning: "Not done in time; the work has been stopped",
  },
  tooManyRequests: {
    code: -32004,
    message: "Too many requests",
    meaning: "Over the rate, or too many wait already; nothing was done",
  },
} as const satisfies Record<string, ErrorKind & { meaning: string }>;

/** Names of the rows of {@link ERRORS}. */
export type ErrorName = keyof typeof ERRORS;

/** What an answer's `error.data` holds: always why, and the names of what it happened to. */
export type ErrorData = { readonly reason: string } & Record<string, unknown>;

/** An error that the host is meant to read: one row of {@link ERRORS} and what happened. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly data: ErrorData;

  constructor(readonly kind: ErrorName, reason: string, details: Record<string, unknown> = {}) {
    super(reason);
    this.code = ERRORS[kind].code;
    this.data = { reason, ...details };
  }

  /** The `error` member of an answer (JSON-RPC 2.0, section 5.1). */
  toWire(): { code: number; message: string; data: ErrorData } {
    return { code: this.code, message: ERRORS[this.kind].message, data: this.data };
  }
}

type Constructor = (reason: string, details?: Record<string, unknown>) => RpcError;

const constructorOf = (kind: ErrorName): Constructor => (reason, details) =>
  new RpcError(kind, reason, details);

/** -32700: the line is not UTF-8 or not JSON. */
export const parseError: Constructor = constructorOf("parseError");
/** -32600: JSON that is no request. */
export const invalidRequest: Constructor = constructorOf("invalidRequest");
/** -32601: no method of that name. */
export const methodNotFound: Constructor = constructorOf("methodNotFound");
/** -32602: a parameter that cannot be accepted. */
export const invalidParams: Constructor = constructorOf("invalidParams");
/** -32603: a fault of ours; the reason never names internals. */
export const internalError: Constructor = constructorOf("internalError");
/** -32000: the request was right, and carrying it out failed. */
export const commandFailed: Constructor = constructorOf("commandFailed");
/** -32001: refused by policy, confinement or the guest's own permissions. */
export const permissionDenied: Constructor = constructorOf("permissionDenied");
/** -32002: the file or program does not exist. */
export const notFound: Constructor = constructorOf("notFound");
/** -32003: not done in time, and stopped. */
export const timedOut: Constructor = constructorOf("timeout");
/** -32004: over the rate or the queue. */
export const tooManyRequests: Constructor = constructorOf("tooManyRequests");

/**
 * The row for an error of the runtime or the kernel that a person can act on, or `undefined` for
 * what is our own fault. `NotCapable` is Deno's refusal: the confinement held, which is a refusal
 * and no fault.
 */
function nativeKind(error: unknown): ErrorName | undefined {
  if (error instanceof Deno.errors.NotFound) return "notFound";
  if (error instanceof Deno.errors.PermissionDenied) return "permissionDenied";
  if (error instanceof Deno.errors.NotCapable) return "permissionDenied";
  if (error instanceof Deno.errors.TimedOut) return "timeout";
  // What is left of the kernel's errors (ENOSPC, EIO, EROFS, E2BIG …) names its number, and no
  // fault of JavaScript does.
  if (error instanceof Error && /\(os error \d+\)/.test(error.message)) return "commandFailed";
  return undefined;
}

/** The first sentence of a native message, without Deno's advice about command-line flags. */
function nativeReason(error: Error): string {
  if (error instanceof Deno.errors.NotCapable) {
    return `the agent is confined: ${error.message.replace(/, run again.*$/s, "")}`;
  }
  return error.message.split("\n")[0] ?? error.message;
}

/**
 * The answer for whatever was thrown while a request was carried out: ours as it is, the kernel's
 * and the runtime's refusals by their kind, and `undefined` for everything else, which the caller
 * logs whole and answers with a fixed text.
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
