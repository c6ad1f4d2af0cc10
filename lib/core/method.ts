/**
 * What a method is: one value that holds all that is known of it.
 *
 * @module
 */

import * as z from "zod";
import type { Config } from "../config/schema.ts";
import { invalidParams } from "../base/errors.ts";
import type { PlainText } from "../base/json_text.ts";
import type { Log } from "../log/logger.ts";
import { explainIssues } from "../base/schema_issues.ts";
import type { Guest } from "../guest/guest.ts";

/** What every call of an agent shares. */
export interface AgentServices {
  readonly config: Config;
  readonly guest: Guest;
  readonly log: Log;
  /** All methods, for those that describe the agent. */
  readonly methods: readonly Method[];
}

/** What `run` gets beside its parameters. */
export interface Context extends AgentServices {
  /** Aborted by the method's timeout, by `rpc.cancel` and when the agent stops. */
  readonly signal: AbortSignal;
  /** Bytes of JSON that the result may have, so that the answer fits one message. */
  readonly resultLimitBytes: number;
  /** Does something once the answer has left. */
  afterAnswer(action: () => void | Promise<void>): void;
  /** Cancels a request in flight; says whether there was one. */
  cancel(id: string | number): boolean;
}

/** An example of a method for the reference: parameters and result as they really are. */
export interface Example {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result: unknown;
}

/** How a method is written down; see {@link method}. */
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
  /** What the reference says beyond the schemas; Markdown paragraphs. */
  readonly notes?: readonly string[];
  readonly params: Params;
  readonly result: Result;
  /** The errors it is known to answer with, beside those that every method has. */
  readonly errors?: readonly Failure[];
  readonly example: Example;
  /** Never waits for a place among the running requests; for what is quick whatever happens. */
  readonly immediate?: boolean;
  /** Whether it bounds its own time instead of `request_timeout_seconds` doing so. */
  readonly ownTimeout?: boolean;
  /** Parameters that hold a person's data and are never repeated in errors. */
  readonly hidden?: readonly string[];
  /** Whether this agent's configuration and guest let it through at all. */
  readonly available?: (services: AgentServices) => boolean;
  /**
   * What the log says of a request beside its outcome: names, never contents. A method that has a
   * target does something to the guest, or takes something out of it: the audit file tells of it.
   */
  readonly target?: (params: z.output<Params>) => Readonly<Record<string, unknown>>;
  readonly run: (
    params: z.output<Params>,
    context: Context,
  ) => Answered<z.input<Result>> | Promise<Answered<z.input<Result>>>;
}

/** A result of which some texts are known to need no escaping. */
export type Answered<Result> = Result extends object ? {
    [Member in keyof Result]: Result[Member] extends string | undefined ? Result[Member] | PlainText
      : Result[Member];
  }
  : Result;

/** An error of a method's own, for the reference. */
export interface Failure {
  readonly code: number;
  readonly when: string;
}

/** A request whose parameters have been checked. */
export interface Call {
  /** See `target` of {@link Definition}. */
  readonly target: Readonly<Record<string, unknown>>;
  run(context: Context): unknown;
}

/** A method as the dispatcher and the generators see it. */
export interface Method {
  readonly name: string;
  readonly capability: string | undefined;
  readonly summary: string;
  readonly notes: readonly string[];
  readonly params: z.ZodMiniType;
  readonly result: z.ZodMiniType;
  readonly errors: readonly Failure[];
  readonly example: Example;
  readonly immediate: boolean;
  readonly ownTimeout: boolean;
  /** Whether the audit file tells of it. */
  readonly isAudited: boolean;
  available(services: AgentServices): boolean;
  /**
   * Checks the parameters.
   *
   * @throws {RpcError} -32602 with every problem.
   */
  prepare(params: unknown): Call;
}

/** A method with the types of its name, parameters and result, for the host's calls. */
export interface TypedMethod<
  Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
> extends Method {
  readonly name: Name;
  readonly params: Params;
  readonly result: Result;
}

/** The parameters of a method that has none. */
export const NoParams = z.strictObject({});

/** Turns a definition into a method. */
export function method<
  const Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
>(definition: Definition<Name, Params, Result>): TypedMethod<Name, Params, Result> {
  const { params: schema, run, target, available } = definition;
  const hidden = new Set(definition.hidden);
  return {
    name: definition.name,
    capability: definition.capability,
    summary: definition.summary,
    notes: definition.notes ?? [],
    params: schema,
    result: definition.result,
    errors: definition.errors ?? [],
    example: definition.example,
    immediate: definition.immediate ?? false,
    ownTimeout: definition.ownTimeout ?? false,
    isAudited: target !== undefined,
    available: (services) => available?.(services) ?? true,
    prepare(raw) {
      refusePrototypeMembers(raw);
      const checked = z.safeParse(schema, raw);
      if (!checked.success) {
        const problems = explainIssues(checked.error.issues, raw, { schema, hidden });
        throw invalidParams(problems.map(({ sentence }) => sentence).join("; "), {
          params: problems.map(({ path }) => path),
        });
      }
      return {
        target: target?.(checked.data) ?? {},
        run: (context) => run(checked.data, context),
      };
    },
  };
}

/** Refuses by name what a schema would leave out without a word. */
function refusePrototypeMembers(raw: unknown): void {
  if (typeof raw !== "object" || raw === null) return;
  for (const [name, value] of Object.entries(raw)) {
    if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__")) {
      throw invalidParams(`${name}.__proto__ is no name that can be used`, { params: [name] });
    }
  }
}
