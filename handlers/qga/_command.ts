/**
 * What a command of the QEMU guest agent is: a method whose errors are worded as its clients know
 * them.
 *
 * @module
 */

import * as z from "zod";
import { isEmptyObject } from "../../lib/base/check_params.ts";
import { invalidParams, methodNotFound, timedOut } from "../../lib/base/errors.ts";
import { LongText } from "../../lib/base/memory/long_text.ts";
import { Timer } from "../../lib/base/timer.ts";
import {
  type AgentServices,
  type CheckedCall,
  type Context,
  isNoParams,
  type Method,
  NoParams,
} from "../../lib/core/method.ts";
import type { ResultThen } from "../../lib/core/outcome.ts";
import { type Access, isAllowed } from "../../lib/policy/groups.ts";

/** A command as its file declares it. */
export interface CommandDefinition<Params extends z.ZodMiniType> {
  readonly name: string;
  readonly summary: string;
  /** Its group, which `security.allow` turns on. */
  readonly access: Access;
  readonly params: Params;
  /** The argument that it takes as a {@link LongText}; the others are strings in any case. */
  readonly longArgument?: string;
  /** As in a method: it changes the guest, or takes something out that could be secret. */
  readonly audited: boolean;
  /** Runs without a slot; for what is quick under any load, with a small answer. */
  readonly immediate?: boolean;
  /**
   * Milliseconds after which it is given up. `undefined` for no limit, because its clients wait for
   * minutes and half of it is of no use. @default {4500}
   */
  readonly limitMs?: number | undefined;
  /** Whether it may run while file systems are frozen: it must never wait for a disk. */
  readonly whileFrozen?: boolean;
  /** Why this agent does not do it, or `undefined` if it does. */
  readonly disabled?: (services: AgentServices) => string | undefined;
  /** What log and audit record beside the outcome: names, never contents. */
  readonly target?: (params: z.output<Params>) => Readonly<Record<string, unknown>>;
  /** As in a method: what stands under `return`, if it is known without waiting. */
  readonly known?: (params: z.output<Params>, context: Context) => unknown;
  /** Returns what stands under `return`; `undefined` for a command that does not answer success. */
  readonly run: (
    params: z.output<Params>,
    context: Context,
  ) => unknown | ResultThen<unknown> | Promise<unknown>;
}

/** Most clients wait no longer; a command that hangs would keep all that follow. */
const TIME_LIMIT_MS = 4500;
/**
 * For a change that a process of root makes, which takes a second or two and far longer in a busy
 * guest: a client that still waits must not be told of a failure that was none.
 */
export const ROOT_LIMIT_MS = 25_000;

/** The schema of any value. */
const Anything = z.unknown();

/** The schema of a command without arguments. */
export const NoArguments = NoParams;

/** Turns a definition into a method. */
export function qgaCommand<Params extends z.ZodMiniType>(
  definition: CommandDefinition<Params>,
): Method {
  const { name, params: schema, disabled, target, known, run } = definition;
  const { immediate = false, whileFrozen = false } = definition;
  const limitMs = "limitMs" in definition ? definition.limitMs : TIME_LIMIT_MS;
  const refuseDisabled = (services: AgentServices) => {
    const reason = disabled?.(services);
    if (reason !== undefined) throw turnedOff(name, reason);
  };
  const callWith = (params: z.output<Params>): CheckedCall => ({
    target: target?.(params) ?? {},
    known: known && ((context) => {
      refuseDisabled(context);
      return known(params, context);
    }),
    run: (context) => {
      refuseDisabled(context);
      if (immediate || limitMs === undefined) return run(params, context);
      return withinLimit(
        { name, limitMs },
        context.signal,
        (signal) => run(params, { ...context, signal }),
      );
    },
  });
  const takesNone = isNoParams(schema);
  let none: CheckedCall | undefined;
  return {
    name,
    capability: undefined,
    access: definition.access,
    summary: definition.summary,
    notes: [],
    params: schema,
    result: Anything,
    errors: [],
    example: { result: undefined },
    immediate,
    whileFrozen,
    ownTimeout: limitMs === undefined,
    dropsParams: false,
    audited: definition.audited,
    available: (services) =>
      (whileFrozen || !services.guest.privileged.isFrozen) &&
      isAllowed(definition.access, services.config.security.allow) &&
      disabled?.(services) === undefined,
    prepare(raw) {
      if (takesNone && isEmptyObject(raw)) {
        return none ??= callWith(z.parse(schema, {}));
      }
      const checked = z.safeParse(schema, withStrings(raw, definition.longArgument));
      if (!checked.success) {
        const [issue] = checked.error.issues;
        throw invalidParams(issue === undefined ? "invalid arguments" : wordingOf(issue, raw));
      }
      return callWith(checked.data);
    },
  };
}

/** A command that this agent never does, whatever its arguments. */
export function disabledCommand(name: string, summary: string, reason: string): Method {
  return qgaCommand({
    name,
    access: "always",
    summary,
    params: Anything,
    audited: false,
    disabled: () => reason,
    run: () => undefined,
  });
}

/** The arguments, with all long ones but one as strings. */
function withStrings(raw: unknown, kept: string | undefined): unknown {
  if (typeof raw !== "object" || raw === null) return raw;
  if (!Object.values(raw).some((value) => value instanceof LongText)) return raw;
  const texts = Object.entries(raw).map(([name, value]) =>
    value instanceof LongText && name !== kept ? [name, String(value)] : [name, value]
  );
  return Object.fromEntries(texts);
}

/** Aborts work that takes too long, and answers without it: it may be stuck in the kernel. */
async function withinLimit(
  { name, limitMs }: { readonly name: string; readonly limitMs: number },
  outer: AbortSignal,
  work: (signal: AbortSignal) => unknown,
): Promise<unknown> {
  const limit = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = new Timer(limitMs, () => {
    const error = timedOut(`${name} was not done within ${limitMs} ms and was given up`);
    limit.abort(error);
    reject(error);
  });
  // AbortSignal.any() takes several times as long, and every command comes here.
  const onAbort = () => limit.abort(outer.reason);
  if (outer.aborted) onAbort();
  outer.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, Promise.try(() => work(limit.signal))]);
  } finally {
    timer.stop();
    outer.removeEventListener("abort", onAbort);
  }
}

/** Told as if it did not exist, which clients skip; any other class would fail all they do. */
const turnedOff = (name: string, reason: string) =>
  methodNotFound(`Command ${name} has been disabled: ${reason}`);

type Issue = z.core.$ZodIssue;

/** The first problem in the words of QEMU's own checks. */
function wordingOf(issue: Issue, raw: unknown): string {
  const name = nameOf(issue.path);
  if (issue.code === "unrecognized_keys") {
    return `Parameter '${nameOf([...issue.path, ...issue.keys.slice(0, 1)])}' is unexpected`;
  }
  const value = valueAt(raw, issue.path);
  if (value === undefined) return `Parameter '${name}' is missing`;
  if (issue.code === "invalid_type") {
    return `Invalid parameter type for '${name}', expected: ${typeName(issue.expected)}`;
  }
  if (issue.code === "invalid_value" && typeof value === "string") {
    return `Parameter '${name}' does not accept value '${value.slice(0, 50)}'`;
  }
  if (issue.code === "invalid_union") {
    return typeof value === "string"
      ? `Parameter '${name}' does not accept value '${value.slice(0, 50)}'`
      : `Invalid parameter type for '${name}'`;
  }
  return issue.code === "custom"
    ? `Parameter '${name}' ${issue.message}`
    : `Invalid parameter '${name}'`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  int: "integer",
  number: "integer",
  array: "array",
  object: "object",
};

const typeName = (expected: string) => TYPE_NAMES[expected] ?? expected;

function nameOf(path: readonly PropertyKey[]): string {
  let name = "";
  for (const key of path) {
    name += typeof key === "number" ? `[${key}]` : `${name === "" ? "" : "."}${String(key)}`;
  }
  return name.slice(0, 100);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}
