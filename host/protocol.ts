/**
 * The protocol as the host knows it: the types of every method, derived from the handlers, and
 * run-time checks of results, derived from docs/openrpc.json, which is generated from the handlers.
 *
 * Neither includes the guest's code. Results are checked because a guest may lie; members added by
 * a newer agent are accepted.
 *
 * @module
 */

import { fromJSONSchema } from "zod/classic";
import type * as z from "zod";
import document from "../docs/openrpc.json" with { type: "json" };
import { CallError } from "./errors.ts";
import type { AnyMethod } from "../handlers/mod.ts";

/** The name of a method. */
export type MethodName = AnyMethod["name"];

type Named<Name extends MethodName> = Extract<AnyMethod, { readonly name: Name }>;

/** The parameters of a method as the host sends them; those with a default are optional. */
export type ParamsOf<Name extends MethodName> = z.input<Named<Name>["params"]>;

/** The result of a method. */
export type ResultOf<Name extends MethodName> = z.output<Named<Name>["result"]>;

/** A method as described without asking an agent. */
export interface MethodDescription {
  readonly name: string;
  readonly summary: string;
}

/** Every method that this version knows. */
export const METHOD_DESCRIPTIONS: readonly MethodDescription[] = document.methods;

/** The group that a method belongs to, such as `see`; `undefined` for an unknown method. */
export function groupOf(name: string): string | undefined {
  return GROUPS.get(name);
}

const GROUPS: ReadonlyMap<string, string> = new Map(
  document.methods.map((method) => [method.name, method["x-group"]]),
);

/**
 * A result that matches the schema of its method.
 *
 * @throws {CallError} if it does not.
 */
export function checkedResult<Name extends MethodName>(name: Name, value: unknown): ResultOf<Name> {
  let problem = "";
  if (isResultOf(name, value, (what) => problem = what)) return value;
  const message = `the agent's result of ${name} is invalid: ${problem}`;
  throw new CallError(message, "invalid result", true);
}

interface Check {
  safeParse(value: unknown): {
    success: boolean;
    error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
  };
}

const checks = new Map<string, Check>();

/**
 * Whether a value matches the schema of a method's result.
 *
 * @param onProblem Called with the first mismatch, as `path: problem`.
 */
export function isResultOf<Name extends MethodName>(
  name: Name,
  value: unknown,
  onProblem: (problem: string) => void = () => {},
): value is ResultOf<Name> {
  const { success, error } = checkOf(name).safeParse(value);
  const issue = error?.issues[0];
  if (issue !== undefined) onProblem(`${issue.path.join(".") || "result"}: ${issue.message}`);
  return success;
}

function checkOf(name: MethodName): Check {
  const known = checks.get(name);
  if (known !== undefined) return known;
  const described = document.methods.find((method) => method.name === name);
  if (described === undefined) throw new Error(`docs/openrpc.json lacks ${name}: deno task docs`);
  const check = fromJSONSchema(opened(described.result.schema));
  checks.set(name, check);
  return check;
}

type JsonSchema = Parameters<typeof fromJSONSchema>[0];

/** The schema with additional members allowed. */
function opened(schema: Readonly<Record<string, unknown>>): JsonSchema {
  return Object.fromEntries(
    Object.entries(schema).filter(([key, value]) =>
      key !== "additionalProperties" || value !== false
    )
      .map(([key, value]) => [key, openedMember(value)]),
  );
}

function openedMember(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(openedMember);
  return isRecord(value) ? opened(value) : value;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
