/**
 * JSON-RPC 2.0, through a real socket: every example of the specification (section 7) as it stands
 * there, and the corner cases that its sections leave to be got wrong.
 *
 * What is ours beside the specification is left out of the comparison: `error.data`, and the order
 * of the answers in a batch, which is free.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { listenChannel } from "../../../lib/platform/linux/channel/listen.ts";
import { serveConnection } from "../../../lib/channel/serve_connection.ts";
import { Executor } from "../../../lib/core/executor.ts";
import { JsonRpcDialect } from "../../../lib/dialects/jsonrpc/dialect.ts";
import { type Method, method } from "../../../lib/core/method.ts";
import { CollectingLog, configWith, TempDirectory } from "../_helpers.ts";
import { memoryServices } from "../guest/_memory_guest.ts";

const PARSE_ERROR = { code: -32700, message: "Parse error" };
const INVALID_REQUEST = { code: -32600, message: "Invalid Request" };
const METHOD_NOT_FOUND = { code: -32601, message: "Method not found" };
const INVALID_PARAMS = { code: -32602, message: "Invalid params" };
const INTERNAL_ERROR = { code: -32603, message: "Internal error" };

const notAsked = { jsonrpc: "2.0", error: INVALID_REQUEST, id: null };

const Numbers = z.array(z.number());

/** The methods of the specification's examples, and a few that fail. */
const METHODS: readonly Method[] = [
  method({
    name: "subtract",
    summary: "By position or by name.",
    params: z.union([
      z.tuple([z.number(), z.number()]),
      z.strictObject({ minuend: z.number(), subtrahend: z.number() }),
    ]),
    result: z.number(),
    access: "always",
    audited: false,
    example: { result: 19 },
    run: (params) =>
      Array.isArray(params) ? params[0] - params[1] : params.minuend - params.subtrahend,
  }),
  simple("sum", Numbers, (numbers) => numbers.reduce((a, b) => a + b, 0)),
  simple("update", Numbers, () => null),
  simple("notify_hello", Numbers, () => null),
  simple("notify_sum", Numbers, () => null),
  simple("get_data", z.strictObject({}), () => ["hello", 5]),
  simple("nothing", z.strictObject({}), () => null),
  simple("break", z.strictObject({}), () => {
    throw new TypeError("a fault of the agent");
  }),
];

function simple<Schema extends z.ZodMiniType>(
  name: string,
  params: Schema,
  run: (params: z.output<Schema>) => string | null | number | (string | number)[],
): Method {
  return method({
    name,
    summary: "For the examples.",
    params,
    result: z.unknown(),
    access: "always",
    audited: false,
    example: { result: null },
    run: (params) => run(params),
  });
}

/** What was written down: `undefined` where nothing may come back. */
type Expected = unknown;

const EXAMPLES: readonly (readonly [what: string, line: string, expected: Expected])[] = [
  [
    "rpc call with positional parameters",
    '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
    { jsonrpc: "2.0", result: 19, id: 1 },
  ],
  [
    "rpc call with positional parameters, the other way round",
    '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
    { jsonrpc: "2.0", result: -19, id: 2 },
  ],
  [
    "rpc call with named parameters",
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
    { jsonrpc: "2.0", result: 19, id: 3 },
  ],
  [
    "rpc call with named parameters, in another order",
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
    { jsonrpc: "2.0", result: 19, id: 4 },
  ],
  [
    "a notification",
    '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}',
    undefined,
  ],
  [
    "a notification of a non-existent method",
    '{"jsonrpc": "2.0", "method": "foobar"}',
    undefined,
  ],
  [
    "rpc call of non-existent method",
    '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
    { jsonrpc: "2.0", error: METHOD_NOT_FOUND, id: "1" },
  ],
  [
    "rpc call with invalid JSON",
    '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    { jsonrpc: "2.0", error: PARSE_ERROR, id: null },
  ],
  [
    "rpc call with invalid Request object",
    '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
    notAsked,
  ],
  [
    "rpc call Batch, invalid JSON",
    '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
    { jsonrpc: "2.0", error: PARSE_ERROR, id: null },
  ],
  ["rpc call with an empty Array", "[]", notAsked],
  ["rpc call with an invalid Batch (but not empty)", "[1]", [notAsked]],
  ["rpc call with invalid Batch", "[1,2,3]", [notAsked, notAsked, notAsked]],
  [
    "rpc call Batch",
    '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},' +
    '{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},' +
    '{"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},' +
    '{"foo": "boo"},' +
    '{"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},' +
    '{"jsonrpc": "2.0", "method": "get_data", "id": "9"}]',
    [
      { jsonrpc: "2.0", result: 7, id: "1" },
      { jsonrpc: "2.0", result: 19, id: "2" },
      notAsked,
      { jsonrpc: "2.0", error: METHOD_NOT_FOUND, id: "5" },
      { jsonrpc: "2.0", result: ["hello", 5], id: "9" },
    ],
  ],
  [
    "rpc call Batch (all notifications)",
    '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},' +
    '{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]',
    undefined,
  ],
];

const CORNERS: readonly (readonly [what: string, line: string, expected: Expected])[] = [
  [
    "4: no version",
    '{"method": "nothing", "id": 1}',
    { jsonrpc: "2.0", error: INVALID_REQUEST, id: 1 },
  ],
  [
    "4: a version of 2.0 that is a number",
    '{"jsonrpc": 2.0, "method": "nothing", "id": 1}',
    { jsonrpc: "2.0", error: INVALID_REQUEST, id: 1 },
  ],
  [
    "4: version 1.0",
    '{"jsonrpc": "1.0", "method": "nothing", "id": 1}',
    { jsonrpc: "2.0", error: INVALID_REQUEST, id: 1 },
  ],
  [
    "4: no method",
    '{"jsonrpc": "2.0", "id": 1}',
    { jsonrpc: "2.0", error: INVALID_REQUEST, id: 1 },
  ],
  [
    "4: an id of null is a request and no notification",
    '{"jsonrpc": "2.0", "method": "nothing", "id": null}',
    { jsonrpc: "2.0", result: null, id: null },
  ],
  [
    "4: an empty text is an id",
    '{"jsonrpc": "2.0", "method": "nothing", "id": ""}',
    { jsonrpc: "2.0", result: null, id: "" },
  ],
  [
    "4: 0 is an id",
    '{"jsonrpc": "2.0", "method": "nothing", "id": 0}',
    { jsonrpc: "2.0", result: null, id: 0 },
  ],
  [
    "4: a fraction is an id",
    '{"jsonrpc": "2.0", "method": "nothing", "id": -1.5}',
    { jsonrpc: "2.0", result: null, id: -1.5 },
  ],
  ["4: true is no id", '{"jsonrpc": "2.0", "method": "nothing", "id": true}', notAsked],
  ["4: an object is no id", '{"jsonrpc": "2.0", "method": "nothing", "id": {}}', notAsked],
  ["4: an array is no id", '{"jsonrpc": "2.0", "method": "nothing", "id": [1]}', notAsked],
  [
    "4: a method's name is compared exactly",
    '{"jsonrpc": "2.0", "method": "Nothing", "id": 1}',
    { jsonrpc: "2.0", error: METHOD_NOT_FOUND, id: 1 },
  ],
  [
    "4: a name that every object has is no method",
    '{"jsonrpc": "2.0", "method": "constructor", "id": 1}',
    { jsonrpc: "2.0", error: METHOD_NOT_FOUND, id: 1 },
  ],
  [
    "4.2: params may be left out",
    '{"jsonrpc": "2.0", "method": "get_data", "id": 1}',
    { jsonrpc: "2.0", result: ["hello", 5], id: 1 },
  ],
  ...["null", "1", '"text"', "true"].map((params) =>
    [
      `4.2: params are structured, not ${params}`,
      `{"jsonrpc": "2.0", "method": "nothing", "params": ${params}, "id": 1}`,
      { jsonrpc: "2.0", error: INVALID_REQUEST, id: 1 },
    ] as const
  ),
  [
    "4.2: too many by position",
    '{"jsonrpc": "2.0", "method": "subtract", "params": [1,2,3], "id": 1}',
    { jsonrpc: "2.0", error: INVALID_PARAMS, id: 1 },
  ],
  [
    "4.2: a name that differs in case",
    '{"jsonrpc": "2.0", "method": "subtract", "params": {"Minuend": 1, "subtrahend": 2}, "id": 1}',
    { jsonrpc: "2.0", error: INVALID_PARAMS, id: 1 },
  ],
  [
    "4.1: a notification with wrong params",
    '{"jsonrpc": "2.0", "method": "subtract", "params": [1]}',
    undefined,
  ],
  ["4.1: a notification that breaks", '{"jsonrpc": "2.0", "method": "break"}', undefined],
  [
    "5: a result of null is there",
    '{"jsonrpc": "2.0", "method": "nothing", "id": 1}',
    { jsonrpc: "2.0", result: null, id: 1 },
  ],
  [
    "5.1: a fault of the server",
    '{"jsonrpc": "2.0", "method": "break", "id": 1}',
    { jsonrpc: "2.0", error: INTERNAL_ERROR, id: 1 },
  ],
  [
    "5: an answer that is sent to the server is no request",
    '{"jsonrpc": "2.0", "result": 19, "id": 1}',
    { jsonrpc: "2.0", error: INVALID_REQUEST, id: 1 },
  ],
  ["6: a batch in a batch is no request", '[[{"jsonrpc": "2.0", "method": "nothing", "id": 1}]]', [
    notAsked,
  ]],
  [
    "6: one member that is no request does not harm the others",
    '[null,{"jsonrpc": "2.0", "method": "nothing", "id": 1},{"jsonrpc": "2.0", "method": "break"}]',
    [notAsked, { jsonrpc: "2.0", result: null, id: 1 }],
  ],
  [
    "4: members in any order, with white space",
    ' { "id" :\t1 , "params" : [ 3 , 2 ] , "method" : "sub\\u0074ract" , "jsonrpc" : "2.0" } ',
    { jsonrpc: "2.0", result: 1, id: 1 },
  ],
  ["text that is no JSON value", "ping", { jsonrpc: "2.0", error: PARSE_ERROR, id: null }],
  ["two requests in one line", "{} {}", { jsonrpc: "2.0", error: PARSE_ERROR, id: null }],
  ["a JSON value that is no request", '"ping"', notAsked],
];

/** A server on a socket of its own, with the real executor behind it. */
class Server implements AsyncDisposable {
  private constructor(
    readonly path: string,
    readonly log: CollectingLog,
    readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<Server> {
    const directory = await TempDirectory.make();
    const path = directory.at("s");
    const log = new CollectingLog();
    const config = configWith();
    const executor = new Executor({
      config,
      log,
      methods: METHODS,
      ...memoryServices(),
    });
    const channel = await listenChannel(path);
    const serving = (async () => {
      for await (const connection of channel.connections()) {
        const dialect = new JsonRpcDialect({ executor, ready: () => undefined });
        const { signal } = new AbortController();
        await (await serveConnection(connection, { dialect, log, signal })).drained;
      }
    })();
    return new Server(path, log, async () => {
      channel.close();
      await serving;
      await directory[Symbol.asyncDispose]();
    });
  }

  /** All that comes back for what is sent, until the end of the connection. */
  async exchange(text: string): Promise<string> {
    const socket = await Deno.connect({ transport: "unix", path: this.path });
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.byteLength;) sent += await socket.write(bytes.subarray(sent));
    // The server answers what it owes and then ends the connection: nothing can come later.
    await socket.closeWrite();
    return await new Response(socket.readable).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const Answered = z.looseObject({
  error: z.optional(z.looseObject({ data: z.optional(z.unknown()) })),
});

/** Without `error.data`, which is the server's to choose. */
function comparable(answer: unknown): unknown {
  if (Array.isArray(answer)) {
    return answer.map(comparable).map((one) => JSON.stringify(one)).sort();
  }
  const { error, ...rest } = z.parse(Answered, answer);
  if (error === undefined) return sorted(rest);
  const { data: _data, ...kept } = error;
  return sorted({ ...rest, error: kept });
}

const sorted = (object: object) => Object.fromEntries(Object.entries(object).sort());

for (const [chapter, cases] of [["example", EXAMPLES], ["corner case", CORNERS]] as const) {
  Deno.test(`JSON-RPC 2.0: every ${chapter} through a real channel`, async (t) => {
    const server = await Server.start();
    await using _server = server;
    for (const [what, line, expected] of cases) {
      await t.step(what, async () => {
        const text = await server.exchange(`${line}\n`);
        if (expected === undefined) return assertEquals(text, "", "nothing may come back");
        assert(text.endsWith("\n"), `one line: ${text}`);
        assertEquals(comparable(JSON.parse(text)), comparable(expected), text);
      });
    }
  });
}

Deno.test("JSON-RPC 2.0: all examples on one connection, each answered as if it was alone", async () => {
  const server = await Server.start();
  await using _server = server;
  const text = await server.exchange(`${EXAMPLES.map(([, line]) => line).join("\n")}\n`);
  const answers = text.trim().split("\n").map((line) => comparable(JSON.parse(line)));
  const due = EXAMPLES.flatMap(([, , expected]) => expected === undefined ? [] : [expected]);
  const texts = (values: readonly unknown[]) => values.map((one) => JSON.stringify(one)).sort();
  assertEquals(texts(answers), texts(due.map(comparable)));
});
