/**
 * The subjects of a fleet's NATS system. Everything that permissions may depend on is a token of its
 * own: the host, the tenant, the VM, and the class of the method.
 *
 * @module
 */

import { groupOf } from "../protocol.ts";

/** What a method may do, coarsely: wildcards of permissions match whole tokens. */
export type CallClass = "see" | "file" | "exec" | "power" | "admin";

const CLASSES: ReadonlyMap<string, CallClass> = new Map([
  ["always", "see"],
  ["see", "see"],
  ["file-read", "file"],
  ["file-write", "file"],
  ["exec", "exec"],
  ["power", "power"],
]);

/** The class of a method; one that this version does not know needs the highest. */
export const classOf = (method: string): CallClass => CLASSES.get(groupOf(method) ?? "") ?? "admin";

/** The tenant of VMs whose description has no label `tenant`. */
export const DEFAULT_TENANT = "default";

/** A host's name in subjects. */
export const HOST_NAME_REGEXP = /^[A-Za-z0-9_-]{1,63}$/;
const PLAIN_REGEXP = /^[A-Za-z0-9_-]+$/;
const METHOD_REGEXP = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const CALL = "kvm.1.call";
const LIST = "kvm.1.list";
const EVENT = "kvm.1.event";

/** Where a call goes. */
export interface CallAddress {
  readonly host: string;
  readonly tenant: string;
  /** The VM's id. */
  readonly vm: string;
  readonly method: string;
}

/** A call as its subject names it. */
export interface ReceivedCall {
  readonly tenant: string;
  readonly vm: string;
  readonly class: string;
  readonly method: string;
}

/** Text as one token: what is no letter, digit, `_` or `-` becomes `=` and its bytes' hexadecimal. */
export function encodeToken(text: string): string {
  // A UUID, as most are, is its own token.
  if (PLAIN_REGEXP.test(text)) return text;
  if (text === "") return "=";
  return text.replaceAll(
    /[^A-Za-z0-9_-]/gu,
    (character) =>
      [...new TextEncoder().encode(character)]
        .map((byte) => `=${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}

/** The text of a token; `undefined` if {@link encodeToken} does not make it. */
export function decodeToken(token: string): string | undefined {
  if (PLAIN_REGEXP.test(token)) return token;
  try {
    const text = token === "=" ? "" : decodeURIComponent(token.replaceAll("=", "%"));
    return encodeToken(text) === token ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a method can have this name. */
export const isMethodName = (text: string): boolean => METHOD_REGEXP.test(text);

/**
 * The subject of a call.
 *
 * @throws {RangeError} if no method can have this name.
 */
export function callSubject({ host, tenant, vm, method }: CallAddress): string {
  if (!isMethodName(method)) throw new RangeError(`no method has the name "${method}"`);
  const address = [host, encodeToken(tenant), encodeToken(vm), classOf(method), method];
  return `${CALL}.${address.join(".")}`;
}

/** All calls to a host's VMs. */
export const callsTo = (host: string): string => `${CALL}.${host}.>`;

/** Reads the subject of a call; `undefined` if it is none. */
export function readCallSubject(subject: string): ReceivedCall | undefined {
  if (!subject.startsWith(`${CALL}.`)) return undefined;
  const [, tenant, vm, callClass, ...method] = subject.slice(CALL.length + 1).split(".")
    .map((token, index) => index === 1 || index === 2 ? decodeToken(token) : token);
  if (tenant === undefined || vm === undefined || callClass === undefined || method.length === 0) {
    return undefined;
  }
  return { tenant, vm, class: callClass, method: method.join(".") };
}

/** Where the hosts are asked for their VMs: all that there are, or one tenant's. */
export const listSubject = (tenant?: string): string =>
  tenant === undefined ? LIST : `${LIST}.${encodeToken(tenant)}`;

/** Every question for VMs. */
export const LIST_SUBJECTS: readonly string[] = [LIST, `${LIST}.*`];

/** The tenant that is asked for; `undefined` for all. */
export const listedTenant = (subject: string): string | undefined =>
  subject === LIST ? undefined : decodeToken(subject.slice(LIST.length + 1)) ?? "";

/** Where calls to a host's VMs are cancelled. */
export const cancelSubject = (host: string): string => `kvm.1.cancel.${host}`;

/** Where an event of a VM goes. */
export interface EventAddress {
  readonly host: string;
  readonly tenant: string;
  /** The VM's id. */
  readonly vm: string;
  /** What happened, such as `ready`. */
  readonly event: string;
}

/** The subject of an event. */
export const eventSubject = ({ host, tenant, vm, event }: EventAddress): string =>
  `${EVENT}.${host}.${encodeToken(tenant)}.${encodeToken(vm)}.${event}`;

/** All events, or those of a tenant's VMs. */
export const eventsOf = (tenant?: string): string =>
  tenant === undefined ? `${EVENT}.>` : `${EVENT}.*.${encodeToken(tenant)}.>`;

/** Reads the subject of an event; `undefined` if it is none. */
export function readEventSubject(subject: string): EventAddress | undefined {
  if (!subject.startsWith(`${EVENT}.`)) return undefined;
  const [host, tenant, vm, event, ...rest] = subject.slice(EVENT.length + 1).split(".")
    .map((token, index) => index === 1 || index === 2 ? decodeToken(token) : token);
  if (host === undefined || tenant === undefined || vm === undefined || event === undefined) {
    return undefined;
  }
  return rest.length === 0 ? { host, tenant, vm, event } : undefined;
}
