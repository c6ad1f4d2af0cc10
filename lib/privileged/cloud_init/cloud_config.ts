/**
 * A `#cloud-config` document, checked before cloud-init reads it as root.
 *
 * @module
 */

import { invalidParams, type RpcError } from "../../base/errors.ts";

/** The longest document, in characters. */
export const MAX_CLOUD_CONFIG = 262_144;
/** What a document may come to once its aliases are written out, in characters. */
const MAX_EXPANDED = 1_048_576;
/** cloud-init knows what a document is by its first line. */
const HEADER_REGEXP = /^#cloud-config[ \t]*(?:\r?\n|$)/;

/** Whether a document says that it is one. */
export const hasHeader = (text: string): boolean => HEADER_REGEXP.test(text);

/** What a document configures, by its top-level keys. */
export type CloudConfig = Readonly<Record<string, unknown>>;

/**
 * Parses a document.
 *
 * @throws {RpcError} -32602 if it is not YAML, not a mapping, empty, or too large once expanded.
 */
export async function parseCloudConfig(text: string): Promise<CloudConfig> {
  // Only the broker, a process for one request, pays for the parser's memory.
  const { parse } = await import("@std/yaml");
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw explainSyntax(error);
  }
  if (!isMapping(document)) {
    throw refused("must be a mapping of keys, such as `runcmd`, to their values");
  }
  if (Object.keys(document).length === 0) throw refused("has no keys: there is nothing to apply");
  if (expandedSize(document) > MAX_EXPANDED) {
    throw refused(
      `must have at most ${MAX_EXPANDED} characters once its aliases are written out, and no alias ` +
        "of what contains it",
    );
  }
  return document;
}

const refused = (rule: string): RpcError =>
  invalidParams(`content ${rule}`, { params: ["content"] });

function explainSyntax(error: unknown): unknown {
  if (error instanceof RangeError) return refused("is nested too deeply");
  if (!(error instanceof SyntaxError)) return error;
  const { line, column } = positionOf(error);
  // The message ends with the position and the line of the document.
  const what = error.message.replace(/ at line \d+, column \d+:[^]*$/, "");
  return invalidParams(`content is not YAML: line ${line}, column ${column}: ${what}`, {
    params: ["content"],
    line,
    column,
  });
}

/** The position that the parser adds to its errors, both from 1. */
function positionOf(error: SyntaxError): { line: number; column: number } {
  const numberOf = (name: "line" | "column") => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === "number" ? value : 1;
  };
  return { line: numberOf("line"), column: numberOf("column") };
}

const isMapping = (value: unknown): value is CloudConfig =>
  typeof value === "object" && value !== null && !Array.isArray(value) &&
  Object.getPrototypeOf(value) === Object.prototype;

/**
 * How many characters a value has as text, each alias counted as what it stands for: cloud-init
 * writes it out. Infinite for a value that contains itself.
 */
function expandedSize(value: unknown, known = new Map<object, number>()): number {
  if (typeof value !== "object" || value === null) return String(value).length + 1;
  const size = known.get(value);
  if (size !== undefined) return size;
  // Until it is known: whoever meets it again is inside it.
  known.set(value, Infinity);
  let sum = 1;
  for (const [key, member] of Object.entries(value)) {
    sum += (Array.isArray(value) ? 0 : key.length) + expandedSize(member, known);
  }
  known.set(value, sum);
  return sum;
}
