/**
 * Requests of the QEMU guest agent's language.
 *
 * @module
 */

import { LongText } from "../../base/memory/long_text.ts";

/** A request. */
export interface Request {
  readonly command: string;
  /** An object, as it came: the command's schema checks it. */
  readonly parameters: unknown;
  /** Whatever the host chose; `undefined` if it chose none. */
  readonly id: unknown;
}

/** What is wrong with a value that is no request. */
export interface Malformed {
  readonly description: string;
  readonly id: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) &&
  Object.getPrototypeOf(value) === null;

const MAX_SHOWN = 50;
/** It is sent back, with six bytes for a character beyond ASCII. */
const MAX_ID_CHARACTERS = 64 * 1024;

/** Checks a parsed value. Objects of the parser have no prototype; other values never are one. */
export function readRequest(value: unknown): Request | Malformed {
  if (!isObject(value)) return { description: "QMP input must be a JSON object", id: undefined };
  const { execute, id, arguments: parameters = Object.create(null) } = value;
  if (isTooLong(id)) {
    return {
      description: `QMP input member 'id' may have ${MAX_ID_CHARACTERS} characters of JSON`,
      id: undefined,
    };
  }
  const refuse = (description: string) => ({ description, id });
  for (const member of Object.keys(value)) {
    if (!["execute", "arguments", "id"].includes(member)) {
      return refuse(`QMP input member '${member.slice(0, MAX_SHOWN)}' is unexpected`);
    }
  }
  if (execute === undefined) return refuse("QMP input lacks member 'execute'");
  if (typeof execute !== "string") return refuse("QMP input member 'execute' must be a string");
  if (!isObject(parameters)) return refuse("QMP input member 'arguments' must be an object");
  return { command: execute, parameters, id };
}

const isTooLong = (id: unknown): boolean => {
  if (id === undefined || typeof id === "number") return false;
  const length = typeof id === "string" ? id.length : JSON.stringify(id).length;
  return length > MAX_ID_CHARACTERS;
};

/** Whether {@link readRequest} found something wrong. */
export const isMalformed = (request: Request | Malformed): request is Malformed =>
  "description" in request;

/** Frees the long arguments of a request that has been answered. */
export function releaseArguments({ parameters }: Request): void {
  if (!isObject(parameters)) return;
  for (const value of Object.values(parameters)) {
    if (value instanceof LongText) value.release();
  }
}
