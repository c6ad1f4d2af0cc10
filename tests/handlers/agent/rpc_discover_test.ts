import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import manifest from "../../../deno.json" with { type: "json" };
import { METHODS } from "../../../handlers/mod.ts";
import { rpcDiscover } from "../../../handlers/agent/rpc_discover.ts";
import { Served } from "../_served.ts";

const Document = z.looseObject({
  openrpc: z.string(),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  methods: z.array(z.looseObject({
    name: z.string(),
    summary: z.string(),
    paramStructure: z.literal("by-name"),
    params: z.array(z.looseObject({
      name: z.string(),
      required: z.boolean(),
      schema: z.looseObject({}),
    })),
    result: z.looseObject({ name: z.string(), schema: z.looseObject({}) }),
    errors: z.array(z.looseObject({ code: z.int(), message: z.string() })),
    examples: z.array(z.looseObject({ name: z.string() })),
  })),
});

Deno.test("rpc.discover returns an OpenRPC document with every method", async () => {
  await using served = await Served.start(rpcDiscover);
  const document = await served.call(undefined, Document);
  assertEquals(document.openrpc, "1.3.2");
  assertEquals(document.info.version, manifest.version);
  assertEquals(document.methods.map(({ name }) => name), METHODS.map(({ name }) => name));
});

Deno.test("rpc.discover returns the document that is published as docs/openrpc.json", async () => {
  await using served = await Served.start(rpcDiscover);
  const document = await served.call(undefined, Document);
  const path = new URL("../../../docs/openrpc.json", import.meta.url);
  const published: unknown = JSON.parse(await Deno.readTextFile(path));
  assertEquals<unknown>(document, published);
});

Deno.test("rpc.discover lists each method's parameters, and which are required", async () => {
  await using served = await Served.start(rpcDiscover);
  const { methods } = await served.call(undefined, Document);
  const parameters = (method: string) =>
    methods.find(({ name }) => name === method)?.params
      .map(({ name, required }) => required ? name : `${name}?`);
  assertEquals(parameters("ping"), []);
  assertEquals(parameters("file_read"), ["path", "encoding?", "offset?", "length?"]);
  assertEquals(parameters("file_write"), [
    "path",
    "content",
    "encoding?",
    "create_dirs?",
    "permissions?",
    "offset?",
  ]);
  assertEquals(parameters("shutdown"), ["timeout_seconds?", "force?"]);
  assert(parameters("exec_command")?.includes("command"));
});
