import * as z from "zod";
import { invalidParams } from "../../lib/base/errors.ts";
import { JsonParts } from "../../lib/base/json_parts.ts";
import { countStringified } from "../../lib/base/memory/garbage.ts";
import { type Method, method } from "../../lib/core/method.ts";
import { describeMethod, openRpcHead } from "../../lib/core/openrpc.ts";
import { VERSION } from "../../lib/base/version.ts";

/** The methods of the document. */
interface EncodedMethods {
  /** The JSON of all, each followed by a comma. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each ends in {@link bytes}, with its comma. */
  readonly ends: readonly number[];
}

/** More than the document takes without its methods. */
const HEAD_BYTES = 1024;
const COMMA_BYTES = 1;

/**
 * Kept, since making them takes tens of milliseconds, and kept as bytes: as objects they would take a
 * megabyte more, and each answer buffers eight times as large as its text.
 */
const encoded = new WeakMap<readonly Method[], EncodedMethods>();

function encodedOf(methods: readonly Method[]): EncodedMethods {
  const known = encoded.get(methods);
  if (known !== undefined) return known;
  const encoder = new TextEncoder();
  const ends: number[] = [];
  let end = 0;
  const pieces = methods.map((one) => {
    const piece = encoder.encode(`${JSON.stringify(describeMethod(one))},`);
    countStringified(piece.byteLength);
    ends.push(end += piece.byteLength);
    return piece;
  });
  const bytes = new Uint8Array(end);
  pieces.forEach((piece, index) => bytes.set(piece, ends[index - 1] ?? 0));
  const made = { bytes, ends };
  encoded.set(methods, made);
  return made;
}

/** The part of the document that starts with a method and fits one message. */
function pageOf(methods: readonly Method[], first: number, limitBytes: number): JsonParts {
  const { bytes, ends } = encodedOf(methods);
  const begin = ends[first - 1] ?? 0;
  const mostEnd = begin + limitBytes - HEAD_BYTES;
  // At least one, or reading would not get on.
  let next = first + 1;
  while (next < methods.length && (ends[next] ?? 0) < mostEnd) next += 1;
  const more = methods[next]?.name;
  return new JsonParts([
    `${JSON.stringify(openRpcHead(VERSION)).slice(0, -1)},"methods":[`,
    bytes.subarray(begin, (ends[next - 1] ?? COMMA_BYTES) - COMMA_BYTES),
    `]${more === undefined ? "" : `,"x-next":${JSON.stringify(more)}`}}`,
  ]);
}

/** `rpc.discover` (OpenRPC, service discovery): every method with its schemas. */
export const rpcDiscover = method({
  name: "rpc.discover",
  summary: "Returns the OpenRPC document of this agent.",
  notes: [
    "The same document as docs/openrpc.json. It lists every method, including those that the " +
    "configuration disables. If it does not fit one message, `x-next` names the first method that " +
    "is missing: ask again with that name as `from`.",
  ],
  params: () => z.strictObject({ from: z.optional(z.string()) }),
  result: () =>
    z.looseObject({
      openrpc: z.string(),
      info: z.looseObject({ title: z.string(), version: z.string() }),
      methods: z.array(z.looseObject({ name: z.string() })),
      "x-next": z.optional(z.string()),
    }),
  access: "always",
  audited: false,
  whileFrozen: true,
  example: {
    result: {
      openrpc: "1.3.2",
      info: { title: "kvmmanager-agent", version: "1.0.0" },
      methods: [{ name: "ping" }],
    },
  },
  run: ({ from }, { methods, resultLimitBytes }) => {
    const first = from === undefined ? 0 : methods.findIndex(({ name }) => name === from);
    if (first < 0) throw invalidParams(`from: no method ${JSON.stringify(from)}`);
    return pageOf(methods, first, resultLimitBytes);
  },
});
