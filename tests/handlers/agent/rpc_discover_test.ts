import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { VERSION } from "../../../lib/base/version.ts";
import { METHODS } from "../../../handlers/mod.ts";
import { rpcDiscover } from "../../../handlers/agent/rpc_discover.ts";
import { errorOf } from "../../agent/_host.ts";
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

/** Room for the whole document in one message. */
const LARGE_MESSAGES = { config: () => ({ max_message_size_kb: 1024 }) };

Deno.test("rpc.discover returns a document that does not fit one message in parts", async () => {
  await using served = await Served.start(rpcDiscover, {
    config: () => ({ max_message_size_kb: 16 }),
  });
  const Page = z.looseObject({
    methods: z.array(z.looseObject({ name: z.string() })),
    "x-next": z.optional(z.string()),
  });
  const names: string[] = [];
  let parts = 0;
  let params: { from?: string } | undefined = {};
  while (params !== undefined) {
    const page: z.output<typeof Page> = await served.call(params, Page);
    names.push(...page.methods.map(({ name }) => name));
    params = page["x-next"] === undefined ? undefined : { from: page["x-next"] };
    parts += 1;
  }
  assertEquals(names, METHODS.map(({ name }) => name));
  assert(parts > 1, `${parts}`);
});

Deno.test("rpc.discover refuses to start with a method that there is not", async () => {
  await using served = await Served.start(rpcDiscover);
  assertEquals(errorOf(await served.answer({ from: "nonsense" })).code, -32602);
});

Deno.test("rpc.discover returns an OpenRPC document with every method", async () => {
  await using served = await Served.start(rpcDiscover, LARGE_MESSAGES);
  const document = await served.call(undefined, Document);
  assertEquals(document.openrpc, "1.3.2");
  assertEquals(document.info.version, VERSION);
  assertEquals(document.methods.map(({ name }) => name), METHODS.map(({ name }) => name));
});

Deno.test("rpc.discover returns the document that is published as docs/openrpc.json", async () => {
  await using served = await Served.start(rpcDiscover, LARGE_MESSAGES);
  const document = await served.call(undefined, Document);
  const path = new URL("../../../docs/openrpc.json", import.meta.url);
  const published: unknown = JSON.parse(await Deno.readTextFile(path));
  assertEquals<unknown>(document, published);
  assertEquals("x-next" in document, false);
});

Deno.test("rpc.discover lists each method's parameters, and which are required", async () => {
  await using served = await Served.start(rpcDiscover, LARGE_MESSAGES);
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
