/**
 * The requests that qemu-ga and our agent are both sent: those of requests.jsonl, which were recorded
 * with qemu-ga, and our own.
 *
 * @module
 */

import * as z from "zod";
import { ROOT } from "../_deno.ts";

const Entry = z.strictObject({
  n: z.int(),
  name: z.string(),
  /**
   * How answers are compared. `exact`: the same number of lines, equal results, errors of the same
   * class. `shape`: the same members with the same types. `error`: the first is an error of the same
   * class. Descriptions of errors are never compared.
   */
  class: z.enum(["exact", "shape", "error"]),
  /** Text to send; `$x` is a saved value. */
  send: z.optional(z.string()),
  /** Bytes to send, where they are not UTF-8. */
  hex: z.optional(z.string()),
  /** Into how large pieces it is cut. */
  pieces: z.optional(z.int()),
  /** Sent after it, and not compared. */
  then: z.optional(z.string()),
  /** Values of the answer to keep, by name: the path in it. */
  save: z.optional(z.record(z.string(), z.string())),
  /** Milliseconds to wait after it. */
  wait: z.optional(z.int()),
  /** Whether it is sent through another connection. */
  connect: z.optional(z.literal("new")),
  /** The version of qemu-ga that has the command. */
  since: z.optional(z.string()),
  /** What may differ. */
  may: z.optional(z.string()),
  last: z.optional(z.boolean()),
});

/** A request. */
export type RequestEntry = z.output<typeof Entry>;

/** All of them, in the order in which they build on each other. */
export async function readRequests(): Promise<RequestEntry[]> {
  const files = ["requests.jsonl", "own_requests.jsonl"];
  const texts = await Promise.all(
    files.map((name) => Deno.readTextFile(`${ROOT}tests/qga/${name}`)),
  );
  return texts.flatMap((text) =>
    text.trimEnd().split("\n").map((line) => z.parse(Entry, JSON.parse(line)))
  );
}
