/**
 * Checking parameters from outside with a schema.
 *
 * @module
 */

import * as z from "zod";
import { invalidParams } from "./errors.ts";
import { explainIssues } from "./schema_issues.ts";

/**
 * Checks parameters.
 *
 * @param hidden Members with private data, which errors never repeat.
 * @throws {RpcError} -32602 with every problem.
 */
export function checkParams<Schema extends z.ZodMiniType>(
  schema: Schema,
  raw: unknown,
  hidden: ReadonlySet<string>,
): z.output<Schema> {
  refusePrototypeMembers(raw);
  const checked = z.safeParse(schema, raw);
  if (checked.success) return checked.data;
  const problems = explainIssues(checked.error.issues, raw, { schema, hidden });
  throw invalidParams(problems.map(({ sentence }) => sentence).join("; "), {
    params: problems.map(({ path }) => path),
  });
}

/** Whether there are no parameters: a schema of none need not be asked. */
export const isEmptyObject = (raw: unknown): boolean =>
  typeof raw === "object" && raw !== null && !Array.isArray(raw) && Object.keys(raw).length === 0;

/** Refuses by name what a schema would silently ignore. */
function refusePrototypeMembers(raw: unknown): void {
  if (typeof raw !== "object" || raw === null) return;
  for (const [name, value] of Object.entries(raw)) {
    if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__")) {
      throw invalidParams(`${name} must not have a member named __proto__`, { params: [name] });
    }
  }
}
