/**
 * A command as received: its name and all its members.
 *
 * @module
 */

import { messageOf } from "../base/message_of.ts";
import { shown } from "../base/schema_issues.ts";

/** A request that can be given to a handler. */
export interface CommandRequest {
  /** The handler's name; empty if the request has none. */
  readonly name: string;
  /** All members as received, including the name. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The request's JSON, for numbers that JavaScript cannot represent exactly. */
  readonly text: string;
}

/** Not a valid request; the message tells the sender why. */
export class BadRequestError extends Error {
  override readonly name = "BadRequestError";
}

/**
 * The members that can name the handler, in any case. Existing clients send `Command`, which wins;
 * the documentation of Google's guest agent has `Name`.
 */
export const NAME_MEMBERS = ["Command", "Name"] as const;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether two names of members are the same to Go's JSON decoder, which ignores case. */
const isSameMember = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();

/**
 * Reads a request.
 *
 * @param text From the opening to the closing brace.
 * @throws {BadRequestError}
 */
export function readCommand(text: string): CommandRequest {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch (error) {
    throw new BadRequestError(`not JSON: ${messageOf(error).slice(0, 200)}`);
  }
  if (!isRecord(fields)) throw new BadRequestError("a request is an object");
  return { name: nameIn(fields), fields, text };
}

/**
 * The value of a member, whatever its case; the last one counts, as in Go.
 *
 * @returns `undefined` if there is no such member.
 */
export function memberOf(fields: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.entries(fields).findLast(([key]) => isSameMember(key, name))?.[1];
}

/**
 * The members besides the handler's name; those listed in `known` get their usual spelling. A
 * handler that is strict about its members checks these.
 */
export function handlerFields(
  fields: Readonly<Record<string, unknown>>,
  known: readonly string[],
): Record<string, unknown> {
  const spelled = (key: string) => known.find((name) => isSameMember(name, key)) ?? key;
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([key]) => !NAME_MEMBERS.some((name) => isSameMember(name, key)))
      .map(([key, value]) => [spelled(key), value]),
  );
}

function nameIn(fields: Record<string, unknown>): string {
  for (const member of NAME_MEMBERS) {
    const name = memberOf(fields, member) ?? undefined;
    if (typeof name === "string") return name;
    if (name !== undefined) {
      throw new BadRequestError(`${member} must be a string, received ${shown(name)}`);
    }
  }
  return "";
}
