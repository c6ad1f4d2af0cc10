/**
 * JSON-RPC 2.0 messages: their types, and telling a request from what is none.
 *
 * @module
 */

import { invalidRequest, type RpcError } from "../../base/errors.ts";
import { PlainText } from "../../base/json_text.ts";
import { shown, suggestion } from "../../base/schema_issues.ts";

/** The version of the protocol that this agent speaks (protocol, header). */
export const PROTOCOL_VERSION = "1.0.0";

/**
 * A request's id as it goes back. A number that does not survive JavaScript's arithmetic (beyond
 * 2^53) is kept as its text.
 */
export type Id = string | number | null | RawNumber;

/** What `JSON.rawJSON` makes of a number's text. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** A request, or a notification where `id` is `undefined`. */
export interface Request {
  readonly id: Id | undefined;
  readonly method: string;
  /** An object or an array, as it came. It is the method's to check. */
  readonly params: unknown;
}

/** What went wrong with one message, and the id that the answer carries. */
export interface Malformed {
  readonly id: Id;
  readonly error: RpcError;
}

const MEMBERS = ["jsonrpc", "method", "params", "id"];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isRawNumber = (value: unknown): value is RawNumber => JSON.isRawJSON(value);

/** Whether a value may be an id. */
export const isId = (value: unknown): value is Id =>
  typeof value === "string" || value === null || isRawNumber(value) ||
  typeof value === "number" && Number.isFinite(value);

/**
 * Parses a line's JSON. Ids beyond the exact range of numbers come as {@link RawNumber}, so that
 * a host with 64-bit ids gets back what it sent.
 *
 * @throws {SyntaxError} when the text is not JSON.
 */
export function parseLine(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (Array.isArray(value) ? value.some(hasInexactId) : hasInexactId(value)) keepIds(value, text);
  return value;
}

const hasInexactId = (message: unknown) =>
  isObject(message) && typeof message.id === "number" && !Number.isSafeInteger(message.id);

/** Puts the ids of the messages in the place where their numbers were not exact. */
function keepIds(value: unknown, text: string): void {
  let exact: unknown;
  try {
    exact = JSON.parse(text, keepInexactId);
  } catch {
    // Nested deeper than a reviver can follow: such a request is refused anyway.
    return;
  }
  const pairs = Array.isArray(value) && Array.isArray(exact)
    ? value.map((message, index) => [message, exact[index]])
    : [[value, exact]];
  for (const [message, source] of pairs) {
    if (isObject(message) && isObject(source) && hasInexactId(message)) message.id = source.id;
  }
}

function keepInexactId(key: string, value: unknown, context: { source?: string }): unknown {
  const isInexact = key === "id" && typeof value === "number" && !Number.isSafeInteger(value);
  const { source } = context;
  // A number that is written as JavaScript writes it needs no keeping: 1.5, but not 1.50.
  if (!isInexact || source === undefined || source === String(value)) return value;
  return JSON.rawJSON(source);
}

/** Checks one parsed message (JSON-RPC 2.0, section 4). */
export function readRequest(message: unknown): Request | Malformed {
  const refuse = (reason: string, id: Id = null) => ({ id, error: invalidRequest(reason) });
  if (!isObject(message)) return refuse(`a request is an object, received ${shown(message)}`);
  const { jsonrpc, method, params, id } = message;
  if (Object.hasOwn(message, "id") && !isId(id)) {
    return refuse(`id must be a string, a number or null, received ${shown(id)}`);
  }
  const known = isId(id) ? id : undefined;
  if (jsonrpc !== "2.0") return refuse(`jsonrpc must be "2.0", received ${shown(jsonrpc)}`, known);
  if (typeof method !== "string") {
    const hint = "result" in message || "error" in message ? " (an answer is no request)" : "";
    return refuse(`method must be a string, received ${shown(method)}${hint}`, known);
  }
  for (const member of Object.keys(message)) {
    if (!MEMBERS.includes(member)) {
      return refuse(
        `${shown(member)} is no member of a request${suggestion(member, MEMBERS)}`,
        known,
      );
    }
  }
  // An array is a legal request that no method of ours can serve: its schema says so.
  if (params !== undefined && !isObject(params) && !Array.isArray(params)) {
    return refuse(`params must be an object, received ${shown(params)}`, known);
  }
  return { id: known, method, params: params ?? {} };
}

/** Whether {@link readRequest} found something wrong. */
export const isMalformed = (request: Request | Malformed): request is Malformed =>
  "error" in request;

/** A part of an answer: text, or text in bytes. */
export type Part = string | Uint8Array;

/** The parts put together. */
export const textOf = (parts: readonly Part[]): string =>
  parts.map((part) => typeof part === "string" ? part : new TextDecoder().decode(part)).join("");

/**
 * A successful answer as text, without the line's end. The bytes of a {@link PlainText} in the
 * result are a part of their own, not copied before they are written.
 */
export function resultParts(id: Id, result: unknown): readonly Part[] {
  const plain = isObject(result) ? Object.entries(result).find(isPlainText) : undefined;
  if (plain === undefined) return [JSON.stringify({ jsonrpc: "2.0", result, id })];
  const [name, { bytes }] = plain;
  const rest = JSON.stringify({ ...Object(result), [name]: undefined }).slice(1);
  return [
    `{"jsonrpc":"2.0","result":{${JSON.stringify(name)}:"`,
    bytes,
    `"${rest === "}" ? "" : ","}${rest},"id":${JSON.stringify(id)}}`,
  ];
}

const isPlainText = (entry: [string, unknown]): entry is [string, PlainText] =>
  entry[1] instanceof PlainText;

/** An error answer as text, without the line's end. */
export function errorText(id: Id, error: RpcError): string {
  return JSON.stringify({ jsonrpc: "2.0", error: error.toWire(), id });
}

/** A notification of ours as text, without the line's end. */
export function notificationText(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}
