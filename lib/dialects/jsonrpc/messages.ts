/**
 * JSON-RPC 2.0 messages: their types, and checking that a message is a request.
 *
 * @module
 */

import { invalidRequest, type RpcError } from "../../base/errors.ts";
import { type CallId, isRawNumber } from "../../core/call_id.ts";
import type { Part } from "../../channel/dialect.ts";
import { JsonParts } from "../../base/json_parts.ts";
import { UnescapedBytes } from "../../base/json_text.ts";
import { shown, suggestion } from "../../base/schema_issues.ts";

/** A request, or a notification if `id` is `undefined`. */
export interface Request {
  readonly id: CallId | undefined;
  readonly method: string;
  /** An object or an array, not yet checked: the method's schema does that. */
  readonly params: unknown;
}

/** What is wrong with a message, and the id for the answer. */
export interface Malformed {
  readonly id: CallId;
  readonly error: RpcError;
}

const MEMBERS = ["jsonrpc", "method", "params", "id"];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a value may be an id. */
export const isId = (value: unknown): value is CallId =>
  typeof value === "number" && Number.isFinite(value) || typeof value === "string" ||
  value === null || isRawNumber(value);

/**
 * Parses a line's JSON. Ids that JavaScript cannot represent exactly, of a request or in its
 * parameters, become {@link RawNumber}s: a host with 64-bit ids gets back what it sent.
 *
 * @throws {SyntaxError} if the text is not JSON.
 */
export function parseLine(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const isInexact = Array.isArray(value) ? value.some(hasInexactId) : hasInexactId(value);
  if (!isInexact) return value;
  try {
    return JSON.parse(text, keepInexactId);
  } catch {
    // Nested too deeply for a reviver: such a request is refused anyway.
    return value;
  }
}

const isInexactId = (id: unknown) => typeof id === "number" && !Number.isSafeInteger(id);

const hasInexactId = (message: unknown) =>
  isObject(message) &&
  (isInexactId(message.id) || isObject(message.params) && isInexactId(message.params.id));

function keepInexactId(key: string, value: unknown, context: { source?: string }): unknown {
  const { source } = context;
  // A number in JavaScript's own notation is unchanged: 1.5, but not 1.50.
  if (key !== "id" || !isInexactId(value) || source === undefined || source === String(value)) {
    return value;
  }
  return JSON.rawJSON(source);
}

const refuse = (reason: string, id: CallId = null): Malformed => ({
  id,
  error: invalidRequest(reason),
});

/** Checks one message that {@link parseLine} returned (JSON-RPC 2.0, section 4). */
export function readRequest(message: unknown): Request | Malformed {
  if (!isObject(message)) return refuse(`a request must be an object, received ${shown(message)}`);
  const { jsonrpc, method, params, id } = message;
  // JSON has no undefined: a member that is there is something else.
  if (id !== undefined && !isId(id)) {
    return refuse(`id must be a string, a number or null, received ${shown(id)}`);
  }
  if (jsonrpc !== "2.0") return refuse(`jsonrpc must be "2.0", received ${shown(jsonrpc)}`, id);
  if (typeof method !== "string") {
    const hint = "result" in message || "error" in message
      ? " (this is a response, not a request)"
      : "";
    return refuse(`method must be a string, received ${shown(method)}${hint}`, id);
  }
  const members = 2 + (params === undefined ? 0 : 1) + (id === undefined ? 0 : 1);
  if (Object.keys(message).length > members) return refuse(unknownMember(message), id);
  // An array is legal JSON-RPC; the methods' schemas refuse it.
  if (params !== undefined && (typeof params !== "object" || params === null)) {
    return refuse(`params must be an object, received ${shown(params)}`, id);
  }
  return { id, method, params: params ?? {} };
}

function unknownMember(message: Record<string, unknown>): string {
  const member = Object.keys(message).find((name) => !MEMBERS.includes(name)) ?? "";
  return `${shown(member)} is not a member of a request${suggestion(member, MEMBERS)}`;
}

/** Whether {@link readRequest} found something wrong. */
export const isMalformed = (request: Request | Malformed): request is Malformed =>
  "error" in request;

/** The parts joined into one text. */
export const textOf = (parts: readonly Part[]): string => parts.map(partText).join("");

function partText(part: Part): string {
  if (typeof part === "string") return part;
  return part instanceof UnescapedBytes ? part.json : new TextDecoder().decode(part);
}

/**
 * A successful answer as text, without the newline. The bytes of {@link JsonParts}, and of an
 * {@link UnescapedBytes} in the result or in the objects of a list in it, become separate parts and
 * are copied only when they are written.
 */
export function resultParts(id: CallId, result: unknown): readonly Part[] {
  const parts = result instanceof JsonParts ? result.parts : objectParts(result);
  if (parts === undefined) return [JSON.stringify({ jsonrpc: "2.0", result, id })];
  return joined(['{"jsonrpc":"2.0","result":', ...parts, `,"id":${JSON.stringify(id)}}`]);
}

/** The parts of an object that has unescaped bytes; `undefined` for anything else. */
function objectParts(value: unknown): readonly Part[] | undefined {
  if (!isObject(value)) return undefined;
  if (!Object.values(value).some(hasUnescaped)) return undefined;
  const parts: Part[] = [];
  const others: Record<string, unknown> = {};
  for (const name in value) {
    const member = value[name];
    if (hasUnescaped(member)) {
      parts.push(`${parts.length === 0 ? "{" : ","}${JSON.stringify(name)}:`);
      parts.push(...memberParts(member));
    } else {
      others[name] = member;
    }
  }
  const rest = JSON.stringify(others).slice(1);
  parts.push(`${rest === "}" ? "" : ","}${rest}`);
  return parts;
}

/** A list is judged by its first element: its elements are of one kind. */
const hasUnescaped = (member: unknown): boolean =>
  typeof member === "object" && member !== null &&
  (member instanceof UnescapedBytes ||
    Array.isArray(member) && isObject(member[0]) &&
      Object.values(member[0]).some((one) => one instanceof UnescapedBytes));

function memberParts(member: unknown): readonly Part[] {
  if (member instanceof UnescapedBytes) return ['"', member, '"'];
  if (!Array.isArray(member)) return [JSON.stringify(member)];
  const elements: readonly unknown[] = member;
  return [
    "[",
    ...elements.flatMap((element, index): readonly Part[] => [
      ...(index === 0 ? [] : [","]),
      ...objectParts(element) ?? [JSON.stringify(element)],
    ]),
    "]",
  ];
}

/** The parts, with neighbouring texts as one. */
function joined(parts: readonly Part[]): readonly Part[] {
  const all: Part[] = [];
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text += part;
      continue;
    }
    all.push(text, part);
    text = "";
  }
  all.push(text);
  return all;
}

/** An error answer as text, without the newline. */
export function errorText(id: CallId, error: RpcError): string {
  return JSON.stringify({ jsonrpc: "2.0", error: error.toWire(), id });
}

/** A notification from the agent as text, without the newline. */
export function notificationText(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}
