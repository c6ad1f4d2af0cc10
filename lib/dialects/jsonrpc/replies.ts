/**
 * Replies within the message limit.
 *
 * @module
 */

import { commandFailed, RpcError } from "../../base/errors.ts";
import { utf8Bytes } from "../../base/json_text.ts";
import { type Part, releasePart } from "../../channel/dialect.ts";
import type { CallId } from "../../core/call_id.ts";
import { errorText, resultParts } from "./messages.ts";

/** Characters of a reason that fit even the smallest message limit. */
const SHORT_REASON = 100;
/** Bytes of a reply besides result and id, with room for the separators of a batch. */
const ENVELOPE_BYTES = 64;
/** The most bytes of UTF-8 that one UTF-16 unit takes. */
const MAX_BYTES_PER_UNIT = 3;

/** Bytes of JSON that a result may take so that the reply with this id fits one message. */
export const resultLimit = (id: CallId | undefined, limitBytes: number): number =>
  limitBytes - ENVELOPE_BYTES - idBytes(id);

/** Most ids are numbers, whose text is short and ASCII: encoding it takes 8 % of a ping. */
const idBytes = (id: CallId | undefined): number =>
  typeof id === "number" ? String(id).length : utf8Bytes(JSON.stringify(id ?? null));

/**
 * A successful reply.
 *
 * @throws {RpcError} -32000 if it would exceed the message limit.
 */
export function resultReply(id: CallId, result: unknown, limitBytes: number): readonly Part[] {
  const parts = resultParts(id, result);
  const size = sizeIfLarge(parts, limitBytes);
  if (size <= limitBytes) return parts;
  parts.forEach(releasePart);
  throw commandFailed(`the answer has ${size} bytes, which exceeds max_message_size_kb`, {
    size_bytes: size,
    limit_bytes: limitBytes,
  });
}

/** An error reply, without details or id if they would exceed the message limit. */
export function errorReply(id: CallId, error: RpcError, limitBytes: number): string {
  const fits = (text: string) => sizeIfLarge([text], limitBytes) <= limitBytes;
  const text = errorText(id, error);
  if (fits(text)) return text;
  const short = new RpcError(error.kind, error.data.reason.slice(0, SHORT_REASON));
  const shortText = errorText(id, short);
  // An id that fills a message leaves no room for a reply that carries it.
  return fits(shortText) ? shortText : errorText(null, short);
}

/** Bytes of a reply that may exceed the limit, 0 for one that cannot. */
function sizeIfLarge(parts: readonly Part[], limitBytes: number): number {
  let most = 0;
  for (const part of parts) {
    most += typeof part === "string" ? part.length * MAX_BYTES_PER_UNIT : part.length;
  }
  if (most <= limitBytes) return 0;
  return parts.reduce(
    (sum, part) => sum + (typeof part === "string" ? utf8Bytes(part) : part.length),
    0,
  );
}
