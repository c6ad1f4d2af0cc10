/**
 * The OpenRPC document of a list of methods (OpenRPC specification 1.3).
 *
 * @module
 */

import * as z from "zod";
import { ERRORS } from "../base/errors.ts";
import { PROTOCOL_VERSION } from "../base/version.ts";
import type { Method } from "./method.ts";

const OPENRPC_VERSION = "1.3.2";

/** A JSON Schema as an object. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The JSON Schema of what is sent over the wire: members with defaults are optional. */
export function jsonSchema(schema: z.ZodMiniType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    // The registry holds the JSON type of such a schema.
    unrepresentable: "any",
    override: dropSafeRange,
  });
  return rest;
}

/** Every integer is within JavaScript's exact range; repeating that for each is noise. */
function dropSafeRange({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One parameter: its name, whether it must be given, its schema. */
export interface Parameter {
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

/** The parameters of a method, in the order of its schema. */
export function parametersOf(method: Method): Parameter[] {
  const { properties, required } = jsonSchema(method.params);
  if (!isRecord(properties)) return [];
  const names = Array.isArray(required) ? required : [];
  return Object.entries(properties).filter((entry): entry is [string, JsonSchema] =>
    isRecord(entry[1])
  ).map(([name, schema]) => ({ name, required: names.includes(name), schema }));
}

const messageOf = (code: number) =>
  Object.values(ERRORS).find((error) => error.code === code)?.message ?? "Error";

/** A method in the document. */
export function describeMethod(method: Method): { name: string } & Record<string, unknown> {
  const { params, result } = method.example;
  return {
    name: method.name,
    summary: method.summary,
    ...(method.notes.length > 0 ? { description: method.notes.join("\n\n") } : {}),
    paramStructure: "by-name",
    "x-group": method.access,
    params: parametersOf(method),
    result: { name: "result", schema: jsonSchema(method.result) },
    errors: method.errors.map(({ code, when }) => ({ code, message: messageOf(code), data: when })),
    examples: [{
      name: `${method.name} example`,
      params: Object.entries(params ?? {}).map(([name, value]) => ({ name, value })),
      result: { name: "result", value: result },
    }],
  };
}

/** An OpenRPC document. */
export interface OpenRpcDocument {
  readonly openrpc: string;
  readonly info: { title: string; version: string } & Record<string, unknown>;
  readonly methods: ({ name: string } & Record<string, unknown>)[];
}

/** The document without its methods; `version` is the agent's. */
export const openRpcHead = (version: string): Omit<OpenRpcDocument, "methods"> => ({
  openrpc: OPENRPC_VERSION,
  info: {
    title: "kvmmanager-agent",
    version,
    description: `KVM Manager Guest Agent Protocol ${PROTOCOL_VERSION}`,
    license: { name: "MIT" },
  },
});

/** The document; `version` is the agent's. */
export const openRpcDocument = (methods: readonly Method[], version: string): OpenRpcDocument => ({
  ...openRpcHead(version),
  methods: methods.map(describeMethod),
});
