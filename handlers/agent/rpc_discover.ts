import * as z from "zod";
import { type Method, method, NoParams } from "../../lib/core/method.ts";
import { type OpenRpcDocument, openRpcDocument } from "../../lib/core/openrpc.ts";
import { VERSION } from "../../lib/base/version.ts";

/** Kept: creating it for each request would leave half a megabyte of garbage. */
const documents = new WeakMap<readonly Method[], OpenRpcDocument>();

function documentOf(methods: readonly Method[]): OpenRpcDocument {
  const document = documents.get(methods) ?? openRpcDocument(methods, VERSION);
  documents.set(methods, document);
  return document;
}

/** `rpc.discover` (OpenRPC, service discovery): every method with its schemas. */
export const rpcDiscover = method({
  name: "rpc.discover",
  summary: "Returns the OpenRPC document of this agent.",
  notes: [
    "The same document as docs/openrpc.json. It lists every method, including those that the " +
    "configuration disables.",
  ],
  params: NoParams,
  result: () =>
    z.looseObject({
      openrpc: z.string(),
      info: z.looseObject({ title: z.string(), version: z.string() }),
      methods: z.array(z.looseObject({ name: z.string() })),
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
  run: (_params, { methods }) => ({ ...documentOf(methods) }),
});
