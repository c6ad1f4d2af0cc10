/**
 * A command as it arrives: its name, and everything that came with it.
 *
 * @module
 */

import { messageOf } from "../base/message_of.ts";
import { shown } from "../base/schema_issues.ts";

/** A request that can be handed to a handler. */
export interface CommandRequest {
  /** Which handler is meant. */
  readonly name: string;
  /** Every member as it came, the name included. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The request's JSON, for numbers that JavaScript cannot hold exactly. */
  readonly text: string;
}

/** A request that is none; the message tells its sender why. */
export class BadRequestError extends Error {
  override readonly name = "BadRequestError";
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The members that say which handler is meant; existing clients of the protocol send the second. */
export const NAME_MEMBERS = ["Name", "Command"] as const;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads a request.
 *
 * @param bytes From the opening to the closing brace.
 * @throws {BadRequestError}
 */
export function readCommand(bytes: Uint8Array): CommandRequest {
  const text = decode(bytes);
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch (error) {
    throw new BadRequestError(`not JSON: ${messageOf(error).slice(0, 200)}`);
  }
  if (!isRecord(fields)) throw new BadRequestError("a request is an object");
  return { name: nameIn(fields), fields, text };
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new BadRequestError("not UTF-8");
  }
}

function nameIn(fields: Record<string, unknown>): string {
  const names = NAME_MEMBERS.filter((member) => Object.hasOwn(fields, member)).map((member) => {
    const name = fields[member];
    if (typeof name === "string" && name !== "") return name;
    throw new BadRequestError(`${member} must be a command's name, received ${shown(name)}`);
  });
  const [name, other = name] = names;
  if (name === undefined) throw new BadRequestError('there is no "Name"');
  if (name !== other) {
    throw new BadRequestError(`Name and Command differ: ${shown(name)} and ${shown(other)}`);
  }
  return name;
}
