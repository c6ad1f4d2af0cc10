import * as z from "zod";
import { invalidParams } from "../../lib/base/errors.ts";
import { countStringified } from "../../lib/base/memory/garbage.ts";
import { type Method, method } from "../../lib/core/method.ts";
import { type OpenRpcDocument, openRpcDocument } from "../../lib/core/openrpc.ts";
import { VERSION } from "../../lib/base/version.ts";

interface Measured {
  readonly document: OpenRpcDocument;
  /** Bytes of JSON of each method. */
  readonly sizes: readonly number[];
}

/** More than the document takes without its methods. */
const HEAD_BYTES = 1024;

/** Kept: creating it for each request would leave half a megabyte of garbage. */
const documents = new WeakMap<readonly Method[], Measured>();

function documentOf(methods: readonly Method[]): Measured {
  const known = documents.get(methods);
  if (known !== undefined) return known;
  const document = openRpcDocument(methods, VERSION);
  const encoder = new TextEncoder();
  const sizes = document.methods.map((one) => encoder.encode(JSON.stringify(one)).byteLength);
  const measured = { document, sizes };
  documents.set(methods, measured);
  return measured;
}

/** The part of the document that starts with a method and fits one message. */
function pageOf({ document, sizes }: Measured, first: number, limitBytes: number) {
  let left = limitBytes - HEAD_BYTES;
  let end = first;
  // At least one, or reading would not get on.
  for (; end < sizes.length && (end === first || (sizes[end] ?? 0) < left); end++) {
    left -= (sizes[end] ?? 0) + 1;
  }
  countStringified(limitBytes - left);
  const next = document.methods[end]?.name;
  return {
    ...document,
    methods: document.methods.slice(first, end),
    ...next === undefined ? {} : { "x-next": next },
  };
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
    return pageOf(documentOf(methods), first, resultLimitBytes);
  },
});
