/**
 * The one member that a request to the daemon has more than one to an agent: which VM it is for.
 *
 * @module
 */

import { invalidRequest, methodNotFound, type RpcError } from "../../lib/base/errors.ts";
import { METHOD_DESCRIPTIONS } from "../protocol.ts";

/** A message and the VM that it is for. */
export interface Addressed {
  /** As the client names it. */
  readonly vm?: string;
  /** The message without the VM. */
  readonly rest: unknown;
  /** What is wrong with the VM's name. */
  readonly problem?: string;
}

/** Separates the VM from a message, which is then one of the protocol. */
export function withoutVm(message: unknown): Addressed {
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    return { rest: message };
  }
  if (!("vm" in message)) return { rest: message };
  const { vm, ...rest } = message;
  if (typeof vm === "string" && vm !== "") return { vm, rest };
  return { rest, problem: "vm must be a VM's name, id or socket" };
}

/** What is wrong with a request that names no VM. */
export function missingVm(method: string): RpcError {
  const isKnown = METHOD_DESCRIPTIONS.some(({ name }) => name === method);
  return isKnown
    ? invalidRequest(`which VM? ${method} is a method of agents: put "vm" beside "method"`)
    : methodNotFound(`no method ${JSON.stringify(method.slice(0, 100))}`);
}
