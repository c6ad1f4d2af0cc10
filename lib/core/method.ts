/**
 * A method: one value that holds everything known about it.
 *
 * @module
 */

import * as z from "zod";
import type { Config } from "../config/schema.ts";
import { checkParams, isEmptyObject } from "../base/check_params.ts";
import { lazily } from "../base/lazily.ts";
import { Once } from "../base/memory/once.ts";
import type { JsonParts } from "../base/json_parts.ts";
import type { UnescapedBytes } from "../base/json_text.ts";
import type { Log } from "../log/logger.ts";
import type { Caller } from "./caller.ts";
import type { EventJournal } from "./event_journal.ts";
import type { ResultThen } from "./outcome.ts";
import type { Wait } from "./waiting_calls.ts";
import type { Guest } from "../guest/guest.ts";
import type { Jobs } from "./jobs/jobs.ts";
import { type Access, isAllowed } from "../policy/groups.ts";

/** What every call of an agent shares. */
export interface AgentServices {
  readonly config: Config;
  readonly guest: Guest;
  readonly jobs: Jobs;
  readonly log: Log;
  /** All methods, for the methods that describe the agent. */
  readonly methods: readonly Method[];
  /** The journal of events; `undefined` if the agent keeps none. */
  readonly events?: EventJournal;
  /** The configuration file, for refusals; `undefined` if its path is not known. */
  readonly configFile?: string;
}

/** What `run` gets besides its parameters. */
export interface Context extends AgentServices {
  /** Aborted by the method's timeout, by `rpc.cancel` or when the agent stops. */
  readonly signal: AbortSignal;
  /** Bytes of JSON that the result may take so that the reply fits one message. */
  readonly resultLimitBytes: number;
  /** Who makes the call. */
  readonly caller: Caller;
  /**
   * Calls a function once the answer has been sent or dropped, even if that has already happened.
   * Absent for an immediate method, whose answer nothing bounds.
   */
  readonly whenAnswered?: (act: () => void) => void;
}

/** An example of a method for the reference: real parameters and a real result. */
export interface Example {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result: unknown;
}

/**
 * A schema, or a function that makes it when it is first needed. Making the schemas of all methods
 * takes a tenth of the time to start, and most agents never need most of them.
 */
export type Lazy<Schema extends z.ZodMiniType> = Schema | (() => Schema);

/** A method as its file defines it; see {@link method}. */
export interface Definition<
  Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
> {
  /** The wire name. */
  readonly name: Name;
  /** The name in `get_agent_info`'s list, for methods that have one. */
  readonly capability?: string;
  /** One sentence for the reference. */
  readonly summary: string;
  /** Its group, which `security.allow` turns on. */
  readonly access: Access;
  /** What the reference adds to the schemas; Markdown paragraphs. */
  readonly notes?: readonly string[];
  readonly params: Lazy<Params>;
  readonly result: Lazy<Result>;
  /** Its errors, besides those that every method has. */
  readonly errors?: readonly DocumentedError[];
  readonly example: Example;
  /**
   * Runs without a slot, for methods that are quick under any load; `run` must not return a promise
   * then.
   */
  readonly immediate?: boolean;
  /** Whether it may run while file systems are frozen: it must never wait for a disk. */
  readonly whileFrozen?: boolean;
  /** Whether it limits its time itself, instead of by `request_timeout_seconds`. */
  readonly ownTimeout?: boolean;
  /**
   * Whether it drops what is large in its parameters once it has begun, however long it then runs:
   * the bytes of its request are not counted any more.
   */
  readonly dropsParams?: boolean;
  /**
   * Whether the audit file records it, because it changes the guest or returns data that could be
   * secret.
   */
  readonly audited: boolean;
  /** Parameters with private data, which errors never repeat. */
  readonly hidden?: readonly string[];
  /** Whether the rest of this agent's configuration, and the guest, allow it. */
  readonly available?: (services: AgentServices) => boolean;
  /**
   * What the log and the audit file record about a request besides its outcome: names, never
   * contents.
   */
  readonly target?: (params: z.output<Params>) => Readonly<Record<string, unknown>>;
  /**
   * What the call waits for before it takes a slot and runs; `undefined` if it runs immediately.
   * Waiting calls are limited for each caller, can be cancelled, and run when the agent stops.
   */
  readonly wait?: (
    params: z.output<Params>,
    context: Context,
  ) => Wait | undefined | Promise<Wait | undefined>;
  /**
   * The rules of the configuration that decide about a request, for `policy_explain`: checks as `run`
   * does, without doing anything.
   *
   * @throws {RpcError} if a rule refuses it.
   */
  readonly policy?: (params: z.output<Params>, services: AgentServices) => readonly PolicyRule[];
  /**
   * The result, if it is known without waiting: then the call neither takes a slot nor runs.
   * `undefined` otherwise. Not asked for what the audit file records.
   */
  readonly known?: (
    params: z.output<Params>,
    context: Context,
  ) => Encodable<z.input<Result>> | undefined;
  readonly run: (
    params: z.output<Params>,
    context: Context,
  ) => Returned<z.input<Result>> | Promise<Returned<z.input<Result>>>;
}

/**
 * What a method returns: its result, which may be JSON already, and the action that follows it, if
 * any.
 */
export type Returned<Result> = Encodable<Result> | JsonParts | ResultThen<Encodable<Result>>;

/** A result in which some texts are known to need no escaping. */
export type Encodable<Result> = Result extends object ? {
    [Member in keyof Result]: Result[Member] extends string | undefined
      ? Result[Member] | UnescapedBytes
      : Result[Member] extends readonly (infer Element)[] ? readonly Encodable<Element>[]
      : Result[Member];
  }
  : Result;

/** An error specific to a method, for the reference. */
export interface DocumentedError {
  readonly code: number;
  readonly when: string;
}

/** A rule of the configuration that allowed something. */
export interface PolicyRule {
  /** The key, such as `security.allowed_write_paths`. */
  readonly key: string;
  /** Its value, or the entry of a list, that decided. */
  readonly entry: string;
  /** The parameter it is about. */
  readonly parameter?: string;
}

/** A method with checked parameters. */
export interface CheckedCall {
  /** See `target` of {@link Definition}. */
  readonly target: Readonly<Record<string, unknown>>;
  /** See `known` of {@link Definition}. */
  readonly known?: (context: Context) => unknown;
  /** See `wait` of {@link Definition}. */
  readonly wait?: (context: Context) => Wait | undefined | Promise<Wait | undefined>;
  /** See `policy` of {@link Definition}. */
  readonly rules?: (services: AgentServices) => readonly PolicyRule[];
  /** Runs it. If it has parameters, once: only the method holds them from then on. */
  run(context: Context): unknown;
}

/** A method as the executor and the generators see it. */
export interface Method {
  readonly name: string;
  readonly capability: string | undefined;
  readonly access: Access;
  readonly summary: string;
  readonly notes: readonly string[];
  readonly params: z.ZodMiniType;
  readonly result: z.ZodMiniType;
  readonly errors: readonly DocumentedError[];
  readonly example: Example;
  readonly immediate: boolean;
  readonly whileFrozen: boolean;
  readonly ownTimeout: boolean;
  readonly dropsParams: boolean;
  readonly audited: boolean;
  available(services: AgentServices): boolean;
  /**
   * Checks the parameters.
   *
   * @throws {RpcError} -32602 with every problem.
   */
  prepare(params: unknown): CheckedCall;
}

/**
 * A method with the types of its name, parameters and result; the host's types are derived from it.
 */
export interface TypedMethod<
  Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
> extends Method {
  readonly name: Name;
  readonly params: Params;
  readonly result: Result;
}

/** The schema of a method without parameters. */
export const NoParams = z.strictObject({});

/** Whether a schema is {@link NoParams}. */
export const isNoParams = (schema: unknown): boolean => schema === NoParams;

/** Turns a definition into a method. */
export function method<
  const Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
>(definition: Definition<Name, Params, Result>): TypedMethod<Name, Params, Result> {
  const { available } = definition;
  const params = lazily(() => fresh(definition.params));
  const hidden = new Set(definition.hidden);
  // One call for all requests without parameters: making it takes longer than most such methods.
  const takesNone = isNoParams(definition.params);
  const callWithout = (value: z.output<Params>) =>
    checkedCall(definition, { value, take: () => value });
  let none: CheckedCall | undefined;
  return {
    name: definition.name,
    capability: definition.capability,
    access: definition.access,
    summary: definition.summary,
    notes: definition.notes ?? [],
    // Only for descriptions: kept, those of all methods would take half a megabyte.
    get params() {
      return fresh(definition.params);
    },
    get result() {
      return fresh(definition.result);
    },
    errors: definition.errors ?? [],
    example: definition.example,
    immediate: definition.immediate ?? false,
    whileFrozen: definition.whileFrozen ?? false,
    ownTimeout: definition.ownTimeout ?? false,
    dropsParams: definition.dropsParams ?? false,
    audited: definition.audited,
    available: (services) =>
      isAllowed(definition.access, services.config.security.allow) &&
      (available?.(services) ?? true),
    prepare(raw) {
      if (takesNone && isEmptyObject(raw)) {
        return none ??= callWithout(checkParams(params(), {}, hidden));
      }
      return checkedCall(definition, new Once(checkParams(params(), raw, hidden)));
    },
  };
}

/** The call of a method whose schema has accepted the parameters. */
function checkedCall<Params extends z.ZodMiniType, Result extends z.ZodMiniType>(
  { run, known, target, wait, policy }: Definition<string, Params, Result>,
  params: Pick<Once<z.output<Params>>, "value" | "take">,
): CheckedCall {
  return {
    target: target?.(params.value) ?? {},
    known: known && ((context) => known(params.value, context)),
    wait: wait && ((context) => wait(params.value, context)),
    rules: (services) => policy?.(params.value, services) ?? [],
    run: (context) => run(params.take(), context),
  };
}

const fresh = <Schema extends z.ZodMiniType>(lazy: Lazy<Schema>): Schema =>
  typeof lazy === "function" ? lazy() : lazy;
