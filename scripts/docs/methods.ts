/**
 * The chapter on methods: one section each, generated from the handlers' declarations.
 *
 * @module
 */

import { ERRORS } from "../../lib/base/errors.ts";
import type { Method } from "../../lib/core/method.ts";
import { type Field, fieldsOf } from "./fields.ts";
import { anchor, blocks, code, fenced, jsonCode, table } from "./markdown.ts";

/** Parameters that are paths. */
const PATHS: ReadonlySet<string> = new Set(["path", "working_directory"]);

/** The table of methods, with links to their sections. */
export function methodList(methods: readonly Method[]): string {
  return table(
    ["Method", "Group", "Capability", "Description"],
    methods.map(({ name, access, capability, summary }) => [
      `[${name}](#${anchor(name)})`,
      access === "always" ? "always on" : code(access),
      capability === undefined ? "always available" : code(capability),
      summary,
    ]),
  );
}

/** The section of one method. */
export function methodSection(method: Method): string {
  return blocks(
    `### ${method.name}`,
    method.summary,
    ...method.notes,
    parameters(method),
    result(method),
    errors(method),
    example(method),
  );
}

function parameters(method: Method): string {
  const fields = fieldsOf(method.params);
  if (fields.length === 0) return "**Parameters**: none.";
  const rows = fields.map((field) => [
    code(field.name),
    field.type,
    presence(field),
    field.unit,
    [...field.rules, ...(PATHS.has(field.name) ? ["see [Paths](#paths)"] : [])].join("; "),
  ]);
  return blocks(
    "**Parameters**",
    table(["Name", "Type", "Required or default", "Unit", "Rule"], rows),
  );
}

const presence = ({ presence, defaultValue }: Field) =>
  presence === "default" ? jsonCode(defaultValue) : presence;

function result(method: Method): string {
  const rows = fieldsOf(method.result).map((field) => [
    code(field.name),
    field.type,
    field.unit,
    field.presence === "optional" ? "optional" : "",
  ]);
  return blocks("**Result**", table(["Name", "Type", "Unit", "Presence"], rows));
}

const messageOf = (wanted: number) =>
  Object.values(ERRORS).find(({ code }) => code === wanted)?.message ?? "";

/** Errors that any method can answer with. */
const COMMON_ERRORS = [
  ERRORS.invalidParams.code,
  ERRORS.internalError.code,
  ERRORS.tooManyRequests.code,
];

function errors(method: Method): string {
  const timeout = ERRORS.timeout.code;
  const isListed = method.errors.some(({ code }) => code === timeout);
  const common = method.immediate || method.ownTimeout || isListed
    ? COMMON_ERRORS.join(" and ").replace(" and ", ", ")
    : `${COMMON_ERRORS.join(", ")} and, after \`request_timeout_seconds\`, ${timeout}`;
  if (method.errors.length === 0) return `**Errors**: ${common}.`;
  const rows = method.errors.map(({ code, when }) => [`${code}`, messageOf(code), when]);
  return blocks(
    "**Errors**",
    table(["Code", "Message", "When"], rows),
    `Also ${common}.`,
  );
}

/** The example of a method as lines on the wire. */
export function exampleLines({ name, example }: Method): { request: string; response: string } {
  const params = example.params === undefined ? {} : { params: example.params };
  return {
    request: JSON.stringify({ jsonrpc: "2.0", method: name, ...params, id: 1 }),
    response: JSON.stringify({ jsonrpc: "2.0", result: example.result, id: 1 }),
  };
}

function example(method: Method): string {
  const { request, response } = exampleLines(method);
  return blocks("**Example**", fenced("json", `${request}\n${response}`));
}
