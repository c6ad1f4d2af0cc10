/**
 * The JSON Schema (2020-12) of what is sent over the wire.
 *
 * `z.toJSONSchema()` knows every kind of schema and takes 21 kB of the agent's bundle. This knows the
 * kinds that methods use; a test compares both for each method.
 *
 * @module
 */

import * as z from "zod";
// The bundler would keep all of `z.core`, 340 kB.
import {
  $ZodCheckGreaterThan,
  $ZodCheckLessThan,
  $ZodCheckMaxLength,
  $ZodCheckMinLength,
} from "zod/core";

/** A JSON Schema as an object. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema of a value before it is parsed: members with defaults are optional.
 *
 * A schema of what JSON does not know, made by `z.custom()`, has its JSON type in zod's registry.
 *
 * @throws {Error} for a kind of schema that no method uses.
 */
export const jsonSchema = (schema: z.core.$ZodType): JsonSchema => ({
  ...kindOf(schema),
  ...z.globalRegistry.get(schema),
});

function kindOf(schema: z.core.$ZodType): JsonSchema {
  if (schema instanceof z.ZodMiniOptional) return jsonSchema(schema.def.innerType);
  if (schema instanceof z.ZodMiniReadonly) {
    return { readOnly: true, ...jsonSchema(schema.def.innerType) };
  }
  if (schema instanceof z.ZodMiniDefault) {
    const { defaultValue, innerType } = schema.def;
    return { default: defaultValue, ...jsonSchema(innerType) };
  }
  if (schema instanceof z.ZodMiniNullable) {
    return anyOf([jsonSchema(schema.def.innerType), { type: "null" }]);
  }
  if (schema instanceof z.ZodMiniUnion) return anyOf(schema.def.options.map(jsonSchema));
  if (schema instanceof z.ZodMiniObject) return objectSchema(schema.def);
  if (schema instanceof z.ZodMiniRecord) {
    const { keyType, valueType } = schema.def;
    const names = jsonSchema(keyType);
    return { type: "object", propertyNames: names, additionalProperties: jsonSchema(valueType) };
  }
  if (schema instanceof z.ZodMiniArray) {
    const { element, checks } = schema.def;
    return { ...lengthOf(checks, "Items"), type: "array", items: jsonSchema(element) };
  }
  if (schema instanceof z.ZodMiniString) {
    return { type: "string", ...lengthOf(schema._zod.def.checks, "Length") };
  }
  if (schema instanceof z.ZodMiniNumber) {
    const type = schema instanceof z.ZodMiniNumberFormat ? "integer" : "number";
    return { type, ...rangeOf(schema._zod.def.checks) };
  }
  if (schema instanceof z.ZodMiniBoolean) return { type: "boolean" };
  if (schema instanceof z.ZodMiniNull) return { type: "null" };
  if (schema instanceof z.ZodMiniEnum) return { type: "string", enum: schema.options };
  if (schema instanceof z.ZodMiniLiteral) return literalSchema(schema.def.values);
  if (schema instanceof z.ZodMiniUnknown || schema instanceof z.ZodMiniCustom) return {};
  throw new Error(`methods have no schema of the type ${schema._zod.def.type}`);
}

function objectSchema({ shape, catchall }: z.core.$ZodObjectDef): JsonSchema {
  const members = Object.entries(shape);
  const required = members.filter(([, { _zod }]) => _zod.optin === undefined).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(members.map(([name, member]) => [name, jsonSchema(member)])),
    ...required.length === 0 ? {} : { required },
    ...catchall === undefined ? {} : {
      additionalProperties: catchall instanceof z.ZodMiniNever ? false : jsonSchema(catchall),
    },
  };
}

/** One type or, if that says it all, a list of types is easier to read than alternatives. */
function anyOf(options: readonly JsonSchema[]): JsonSchema {
  const isType = (option: JsonSchema) => Object.keys(option).join() === "type";
  return options.every(isType) ? { type: options.map(({ type }) => type) } : { anyOf: options };
}

function literalSchema([value, ...more]: readonly unknown[]): JsonSchema {
  if (more.length > 0) throw new Error("methods have no literal with more than one value");
  return { type: value === null ? "null" : typeof value, const: value };
}

type Checks = readonly z.core.$ZodCheck<never>[] | undefined;

/** The range of a number. */
function rangeOf(checks: Checks = []): JsonSchema {
  const above = checks.filter((check) => check instanceof $ZodCheckGreaterThan);
  const below = checks.filter((check) => check instanceof $ZodCheckLessThan);
  const limitsOf = (found: typeof above | typeof below, inclusive: boolean) =>
    found.map(({ _zod }) => _zod.def).filter((def) => def.inclusive === inclusive)
      .map(({ value }) => Number(value));
  return {
    ...limit("minimum", Math.max, limitsOf(above, true)),
    ...limit("exclusiveMinimum", Math.max, limitsOf(above, false)),
    ...limit("maximum", Math.min, limitsOf(below, true)),
    ...limit("exclusiveMaximum", Math.min, limitsOf(below, false)),
  };
}

/** How long a text or a list may be. */
function lengthOf(checks: Checks = [], unit: "Items" | "Length"): JsonSchema {
  const minima = checks.filter((check) => check instanceof $ZodCheckMinLength);
  const maxima = checks.filter((check) => check instanceof $ZodCheckMaxLength);
  return {
    ...limit(`min${unit}`, Math.max, minima.map(({ _zod }) => _zod.def.minimum)),
    ...limit(`max${unit}`, Math.min, maxima.map(({ _zod }) => _zod.def.maximum)),
  };
}

/** The strictest of the limits of one kind, if there are any. */
const limit = (
  name: string,
  strictest: (...values: number[]) => number,
  values: readonly number[],
): JsonSchema => values.length === 0 ? {} : { [name]: strictest(...values) };
