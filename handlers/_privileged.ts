/**
 * Shared by the methods that have an operation performed as root.
 *
 * @module
 */

import * as z from "zod";
import { commandFailed, ERRORS } from "../lib/base/errors.ts";
import type { AgentServices, Context, DocumentedError } from "../lib/core/method.ts";
import type { TypedOperation } from "../lib/privileged/operation.ts";

/** What every such method documents. */
export const BROKER_ERROR: DocumentedError = {
  code: ERRORS.commandFailed.code,
  when: "A program that it needs is missing or fails, or the broker cannot be reached",
};

/** The part of a method's definition that its operation determines. */
export function privileged<
  const Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
>(operation: TypedOperation<Name, Params, Result>) {
  const { name, group, params, result, hidden, target } = operation;
  return {
    name,
    capability: name,
    access: group,
    params,
    result,
    hidden,
    target,
    audited: true,
    errors: [BROKER_ERROR],
    available: ({ guest }: AgentServices) => guest.privileged.unavailable === undefined,
  };
}

/**
 * Has the operation performed.
 *
 * @throws {RpcError} as the operation does, and -32000 for an answer that is not one.
 */
export async function perform<
  const Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
>(
  { name, result }: TypedOperation<Name, Params, Result>,
  params: z.output<Params>,
  { guest, signal }: Context,
): Promise<z.output<Result>> {
  const answer = await guest.privileged.perform(name, params, signal);
  const parsed = z.safeParse(result(), answer);
  if (parsed.success) return parsed.data;
  throw commandFailed(`the broker's answer to ${name} makes no sense`);
}
