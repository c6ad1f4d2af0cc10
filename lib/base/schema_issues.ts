/**
 * Turns a schema's issues into sentences for people: the member, its value, the rule it breaks.
 *
 * @module
 */

import * as z from "zod";
import { closestString } from "@std/text/closest-string";

/** One thing wrong with data from outside. */
export interface Problem {
  /** Where, such as `security.allowed_read_paths[0]`; empty for the whole value. */
  readonly path: string;
  /** What is wrong, with the value and the rule, as one sentence without a full stop. */
  readonly sentence: string;
}

/** How problems are described. */
export interface ExplainOptions {
  /** The schema that was violated, to name the members it knows. */
  schema: z.ZodMiniType;
  /** Top-level members whose values are never shown: personal data, secrets. */
  hidden?: ReadonlySet<string>;
}

const MAX_SHOWN_CHARACTERS = 60;
const MAX_NAME_CHARACTERS = 120;
/** Further problems are only counted: each costs a comparison with all known names. */
const MAX_PROBLEMS = 20;

/** The value as JSON, cut to a length that fits a line of a log. */
export function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : jsonOf(value);
  return text.length <= MAX_SHOWN_CHARACTERS ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}

function jsonOf(value: unknown): string {
  // A number that is too large, such as 1e400, is null in JSON.
  if (typeof value === "number") return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // JSON.parse() takes deeper nesting than JSON.stringify().
    return "a value nested too deeply to show";
  }
}

function pathName(path: readonly PropertyKey[]): string {
  let name = "";
  for (const key of path) {
    name += typeof key === "number" ? `[${key}]` : `${name === "" ? "" : "."}${readable(key)}`;
  }
  return name.length <= MAX_NAME_CHARACTERS ? name : `${name.slice(0, MAX_NAME_CHARACTERS)}…`;
}

/** A name from outside, quoted if it could be misread. */
const readable = (key: PropertyKey): string =>
  /^[^\p{C}\p{Z}"]+$/u.test(String(key)) ? String(key) : JSON.stringify(String(key));

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/** The members that the object schema at `path` knows. */
function knownMembers(schema: unknown, path: readonly PropertyKey[]): string[] {
  if (schema instanceof z.ZodMiniDefault) return knownMembers(schema.def.innerType, path);
  if (!(schema instanceof z.ZodMiniObject)) return [];
  const [head, ...rest] = path;
  if (head === undefined) return Object.keys(schema.shape);
  return knownMembers(Object.getOwnPropertyDescriptor(schema.shape, head)?.value, rest);
}

/** Comparing words fills a table of all characters: 4 MiB, if somebody sends all of them. */
const COMPARABLE_REGEXP = /^[\x20-\x7e]*$/;

/** " (did you mean …?)" if a known word is similar to the given one, else all known words. */
export function suggestion(given: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const word = given.slice(0, 64);
  const partOf = (one: string) => one.includes(word) || word.includes(one);
  const closest = known.find(partOf) ??
    (COMPARABLE_REGEXP.test(word) ? closestString(word, known) : undefined);
  const isRelated = closest !== undefined &&
    (partOf(closest) || word.slice(0, 2).toLowerCase() === closest.slice(0, 2));
  return isRelated ? ` (did you mean "${closest}"?)` : ` (known: ${known.join(", ")})`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a string",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "an array",
};

/** The rule that was broken. */
function rule(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`;
    case "too_small":
      return `must ${bound(issue.origin, "at least", issue.minimum)}`;
    case "too_big":
      return `must ${bound(issue.origin, "at most", issue.maximum)}`;
    case "invalid_value":
      return `must be one of ${issue.values.map((value) => shown(value)).join(", ")}`;
    case "invalid_union": {
      const rules = issue.errors.flat().map((one) => rule(one).replace(/^must be /, ""));
      return `must be ${rules.join(" or ")}`;
    }
    case "invalid_key":
      return issue.issues[0]?.message ?? "has a name that is not allowed";
    default:
      return issue.message;
  }
}

function bound(origin: string, word: string, limit: number | bigint): string {
  if (origin === "string") return `have ${word} ${limit} characters`;
  if (origin === "array") return `have ${word} ${limit} members`;
  return `be ${word} ${limit}`;
}

/**
 * The issues as {@link Problem}s, one for each unknown member; a number that breaks two rules is
 * one problem. After 20 problems, one more says how many are left.
 *
 * @param issues What the schema found.
 * @param root The value that was checked, to show what was refused.
 */
export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  root: unknown,
  { schema, hidden }: ExplainOptions,
): Problem[] {
  const problems = new Map<string, Problem>();
  let unexplained = 0;
  const add = (at: readonly PropertyKey[], explain: () => string) => {
    if (problems.size === MAX_PROBLEMS) {
      unexplained += 1;
      return;
    }
    const path = pathName(at);
    const subject = path === "" ? "the value" : path;
    problems.set(path, { path, sentence: `${subject} ${explain()}` });
  };
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys") {
      const known = knownMembers(schema, issue.path);
      for (const key of issue.keys) {
        add([...issue.path, key], () => `is unknown${suggestion(key, known)}`);
      }
    } else {
      const isHidden = hidden?.has(String(issue.path[0])) ?? false;
      add(issue.path, () => `${rule(issue)}${receivedValue(valueAt(root, issue.path), isHidden)}`);
    }
  }
  if (unexplained === 0) return [...problems.values()];
  return [...problems.values(), { path: "", sentence: `and ${unexplained} more` }];
}

function receivedValue(value: unknown, isHidden: boolean): string {
  if (value === undefined) return ", but is missing";
  return isHidden ? "" : `, received ${shown(value)}`;
}
