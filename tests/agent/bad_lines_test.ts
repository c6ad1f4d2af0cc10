/**
 * Lines that are not requests: each gets a clear error, and the connection keeps working.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestAgent } from "./_agent.ts";
import { assertRefused, errorOf, type Host, resultOf } from "./_host.ts";
import * as z from "zod";
import { INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR } from "../_error_codes.ts";

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  new Uint8Array(
    parts.flatMap((part) => typeof part === "string" ? [...new TextEncoder().encode(part)] : part),
  );

const PING = '{"jsonrpc":"2.0","method":"ping","id":1}';

/** Name, line, code, reason, id. */
const REFUSED: readonly (readonly [string, string | Uint8Array, number, RegExp, unknown?])[] = [
  ["truncated JSON", '{"jsonrpc":"2.0","method":"ping","id":1', PARSE_ERROR, /^not JSON/],
  ["a truncated string", '{"jsonrpc":"2.0","method":"pi', PARSE_ERROR, /^not JSON/],
  ["single quotes", "{'single': 'quotes'}", PARSE_ERROR, /^not JSON/],
  ["a trailing comma", '{"jsonrpc":"2.0","method":"ping","id":1,}', PARSE_ERROR, /^not JSON/],
  ["two requests on one line", PING + PING, PARSE_ERROR, /^not JSON/],
  ["a comment", `${PING} // ping`, PARSE_ERROR, /^not JSON/],
  ["NaN", '{"jsonrpc":"2.0","method":"ping","id":NaN}', PARSE_ERROR, /^not JSON/],
  ["plain text", "hello", PARSE_ERROR, /^not JSON/],
  ["blanks alone", "   ", PARSE_ERROR, /^not JSON/],
  ["invalid UTF-8", bytes('{"jsonrpc":"2.0","method":"', [0xff, 0xfe], '"}'), PARSE_ERROR, /UTF-8/],
  ["UTF-8 cut in a character", bytes('{"method":"', [0xe2, 0x82]), PARSE_ERROR, /UTF-8/],
  ["an overlong form of /", bytes('{"method":"', [0xc0, 0xaf], '"}'), PARSE_ERROR, /UTF-8/],
  ["a surrogate in UTF-8", bytes('{"method":"', [0xed, 0xa0, 0x80], '"}'), PARSE_ERROR, /UTF-8/],
  ["a byte order mark", bytes([0xef, 0xbb, 0xbf], PING), PARSE_ERROR, /byte order mark/],
  ["UTF-16", bytes([0xff, 0xfe], "{\0}\0"), PARSE_ERROR, /UTF-8/],
  ["NULs alone", bytes([0, 0, 0, 0]), PARSE_ERROR, /^not JSON/],
  ["a NUL before a request", bytes([0], PING), PARSE_ERROR, /^not JSON/],
  ["a NUL within a request", bytes('{"jsonrpc":"2.0",', [0], "}"), PARSE_ERROR, /^not JSON/],
  ["a NUL in a string", bytes('{"jsonrpc":"2.0","method":"p', [0], '"}'), PARSE_ERROR, /^not JSON/],
  ["a string", '"ping"', INVALID_REQUEST, /a request must be an object, received "ping"/],
  ["a number", "17", INVALID_REQUEST, /a request must be an object, received 17/],
  ["null", "null", INVALID_REQUEST, /a request must be an object, received null/],
  ["true", "true", INVALID_REQUEST, /a request must be an object, received true/],
  ["an empty batch", "[]", INVALID_REQUEST, /empty batch/],
  ["an empty object", "{}", INVALID_REQUEST, /jsonrpc must be "2.0"/],
  ["no jsonrpc", '{"method":"ping","id":7}', INVALID_REQUEST, /jsonrpc must be "2.0"/, 7],
  ["jsonrpc as a number", '{"jsonrpc":2.0,"method":"ping","id":7}', INVALID_REQUEST, /jsonrpc/, 7],
  ["no method", '{"jsonrpc":"2.0","id":7}', INVALID_REQUEST, /method must be a string/, 7],
  ["a method null", '{"jsonrpc":"2.0","method":null,"id":7}', INVALID_REQUEST, /method/, 7],
  [
    "an answer",
    '{"jsonrpc":"2.0","result":1,"id":7}',
    INVALID_REQUEST,
    /a response, not a request/,
    7,
  ],
  [
    "an id true",
    '{"jsonrpc":"2.0","method":"ping","id":true}',
    INVALID_REQUEST,
    /id must be/,
    null,
  ],
  [
    "an id object",
    '{"jsonrpc":"2.0","method":"ping","id":{}}',
    INVALID_REQUEST,
    /id must be/,
    null,
  ],
  ["an id array", '{"jsonrpc":"2.0","method":"ping","id":[1]}', INVALID_REQUEST, /id must/, null],
  [
    "an unknown member",
    '{"jsonrpc":"2.0","method":"ping","id":7,"paramz":{}}',
    INVALID_REQUEST,
    /"paramz" is not a member of a request \(did you mean "params"\?\)/,
    7,
  ],
  [
    "__proto__ as a member",
    '{"jsonrpc":"2.0","method":"ping","id":7,"__proto__":{"polluted":true}}',
    INVALID_REQUEST,
    /"__proto__" is not a member of a request/,
    7,
  ],
  [
    "constructor as a member",
    '{"jsonrpc":"2.0","method":"ping","id":7,"constructor":{"prototype":{}}}',
    INVALID_REQUEST,
    /"constructor" is not a member of a request/,
    7,
  ],
  [
    "a request that __proto__ would complete",
    '{"__proto__":{"jsonrpc":"2.0","method":"ping"},"id":7}',
    INVALID_REQUEST,
    /jsonrpc must be "2.0", received nothing/,
    7,
  ],
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "", " ", "PING", "ping\0"].map((
    name,
  ) =>
    [
      `the method name ${JSON.stringify(name)}`,
      JSON.stringify({ jsonrpc: "2.0", method: name, id: 7 }),
      METHOD_NOT_FOUND,
      /^no method /,
      7,
    ] as const
  ),
  ...["null", "7", '"text"', "true"].map((params) =>
    [
      `params ${params}`,
      `{"jsonrpc":"2.0","method":"file_read","params":${params},"id":7}`,
      INVALID_REQUEST,
      /params must be an object/,
      7,
    ] as const
  ),
  ...["[]", "[1]", '["/etc/hostname"]'].map((params) =>
    [
      `params as the array ${params}`,
      `{"jsonrpc":"2.0","method":"file_read","params":${params},"id":7}`,
      INVALID_PARAMS,
      /must be an object/,
      7,
    ] as const
  ),
];

Deno.test("a line that is not a request", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  for (const [name, line, code, reason, id = null] of REFUSED) {
    await t.step(`is refused if it is ${name}, and the next one is answered`, async () => {
      const answer = await host.ask(line);
      assertRefused(answer, code, reason);
      assertEquals(answer.id, id);
      await host.ping();
    });
  }
  await t.step("never gets a second reply", () => {
    assertEquals(host.received.filter((one) => JSON.stringify(one).includes('"error"')), []);
  });
});

Deno.test("lines may end in CR LF, and empty lines are skipped", async () => {
  await using agent = await TestAgent.start({ config: () => ({ announce: false }) });
  await using host = await agent.connect();
  await host.send(`\n\r\n\n${PING}\r\n\r\n`);
  const answer = await host.next();
  assertMatch(JSON.stringify(answer), /"pong":true/);
  await host.ping();
  assertEquals(host.received, []);
});

Deno.test("a request may arrive byte by byte", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  for (const byte of bytes('{"jsonrpc":"2.0","method":"ping","id":"é€😀"}\n')) {
    await host.send(new Uint8Array([byte]));
  }
  const answer = await host.answer();
  assertEquals(answer.id, "é€😀");
});

const LIMIT_BYTES = 64 * 1024;

/** A ping of exactly this many bytes. */
function pingOf(size: number): string {
  const [before, after] = ['{"jsonrpc":"2.0","method":"ping","id":"', '"}'];
  return before + "x".repeat(size - before.length - after.length) + after;
}

Deno.test("a line over the limit", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const assertTooLong = async () => {
    const answer = await host.answer();
    const { data } = assertRefused(answer, INVALID_REQUEST, /exceeds max_message_size_kb/);
    assertEquals(answer.id, null);
    assertEquals(data.limit_bytes, LIMIT_BYTES);
    await host.ping();
    assertEquals(host.received.filter((one) => JSON.stringify(one).includes('"error"')), []);
  };

  await t.step("by one byte is refused, one at the limit is read", async () => {
    // Its reply would be larger than the request and exceed the limit itself.
    const answer = await host.ask(pingOf(LIMIT_BYTES));
    assertRefused(answer, -32000, /the answer has \d+ bytes, which exceeds max_message_size_kb/);
    await host.send(`${pingOf(LIMIT_BYTES + 1)}\n`);
    await assertTooLong();
  });
  await t.step("is refused even if it ends in CR LF", async () => {
    assertRefused(await host.ask(`${pingOf(LIMIT_BYTES)}\r`), -32000, /the answer has/);
    await host.send(`${pingOf(LIMIT_BYTES + 1)}\r\n`);
    await assertTooLong();
  });
  await t.step("of 1 MB gets one error, and the next line is served", async () => {
    await host.send(`${"x".repeat(1024 * 1024)}\n`);
    await assertTooLong();
  });
  await t.step("is refused before it ends", async () => {
    await host.send("y".repeat(LIMIT_BYTES * 2));
    assertRefused(await host.answer(), INVALID_REQUEST, /exceeds max_message_size_kb/);
    await host.send("y".repeat(1000) + "\n");
    await host.ping();
    assertEquals(host.received.filter((one) => JSON.stringify(one).includes('"error"')), []);
  });
  await t.step("does not swallow a request that follows in the same packet", async () => {
    await host.send(
      `${"z".repeat(LIMIT_BYTES * 3)}\n{"jsonrpc":"2.0","method":"ping","id":"after"}\n`,
    );
    resultOf(await host.answerTo("after"), z.looseObject({ pong: z.literal(true) }));
    assertRefused(await host.answer(), INVALID_REQUEST, /exceeds max_message_size_kb/);
  });
  await t.step("that is also not UTF-8 is refused once", async () => {
    await host.send(new Uint8Array(LIMIT_BYTES * 2).fill(0xff));
    await host.send("\n");
    await assertTooLong();
  });
});

/** JSON nested so deeply that a recursive walk overflows the stack. */
const DEEP = 100_000;
const nested = "[".repeat(DEEP) + "]".repeat(DEEP);
const nestedObjects = '{"a":'.repeat(DEEP) + "1" + "}".repeat(DEEP);

const DEEP_LINES: readonly (readonly [string, string])[] = [
  ["100,000 [ that are never closed", "[".repeat(DEEP)],
  ['100,000 {"a": that are never closed', '{"a":'.repeat(DEEP)],
  ["100,000 arrays in one another", nested],
  ["100,000 objects in one another", nestedObjects],
  ["a batch of them", `[${nested},${nestedObjects}]`],
  ["an id of them", `{"jsonrpc":"2.0","method":"ping","id":${nested}}`],
  ["an id of them next to an inexact number", `[{"id":1e300},{"id":${nested}}]`],
  ["a method of them", `{"jsonrpc":"2.0","method":${nested},"id":7}`],
  ["a jsonrpc of them", `{"jsonrpc":${nestedObjects},"method":"ping","id":7}`],
  ["an unknown member of them", `{"jsonrpc":"2.0","method":"ping","id":7,"x":${nested}}`],
  ["params of them", `{"jsonrpc":"2.0","method":"ping","id":7,"params":${nested}}`],
  ["params of objects", `{"jsonrpc":"2.0","method":"ping","id":7,"params":${nestedObjects}}`],
  [
    "a parameter of them",
    `{"jsonrpc":"2.0","method":"file_read","id":7,"params":{"path":${nested}}}`,
  ],
  [
    "a member of env",
    `{"jsonrpc":"2.0","method":"exec_command","id":7,"params":{"command":"true","env":{"A":${nested}}}}`,
  ],
  [
    "an argument",
    `{"jsonrpc":"2.0","method":"exec_command","id":7,"params":{"command":"true","args":[${nested}]}}`,
  ],
  [
    "the id to cancel",
    `{"jsonrpc":"2.0","method":"rpc.cancel","id":7,"params":{"id":${nestedObjects}}}`,
  ],
];

Deno.test("deep nesting is refused, and the connection stays open, for", async (t) => {
  await using agent = await TestAgent.start({ config: () => ({ max_message_size_kb: 4096 }) });
  await using host = await agent.connect();
  for (const [name, line] of DEEP_LINES) {
    await t.step(name, async () => {
      await host.send(`${line}\n`);
      const answer = await host.next().then((one) =>
        JSON.stringify(one).includes("agent_ready") ? host.next() : one
      );
      for (const one of Array.isArray(answer) ? answer : [answer]) {
        const { code } = errorOf(one);
        assert(
          [PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS].includes(code),
          `a refusal, not ${JSON.stringify(one).slice(0, 300)}`,
        );
      }
      await host.ping();
    });
  }
});

Deno.test("deep nesting within the default limit is refused too", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const deep = 30_000;
  for (const line of ["[".repeat(deep), "[".repeat(deep) + "]".repeat(deep)]) {
    assertRefused(await host.ask(line), INVALID_REQUEST, /6000 values/);
  }
  await host.ping();
});

/** Sends a line, and expects only the reply to the ping that follows it. */
async function assertUnanswered(host: Host, line: string): Promise<void> {
  await host.send(`${line}\n`);
  await host.ping();
  const rest = host.received.filter((one) => !JSON.stringify(one).includes("agent_ready"));
  assertEquals(rest, []);
}

Deno.test("a notification is never answered, valid or not", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await assertUnanswered(host, '{"jsonrpc":"2.0","method":"ping"}');
  await assertUnanswered(host, '{"jsonrpc":"2.0","method":"no_such_method"}');
  await assertUnanswered(host, '{"jsonrpc":"2.0","method":"file_read","params":{"path":5}}');
  await assertUnanswered(host, '[{"jsonrpc":"2.0","method":"ping"}]');
});

Deno.test("a batch is answered with one array, with an error for each bad member", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const batch = [
    { jsonrpc: "2.0", method: "ping", id: "a" },
    1,
    { jsonrpc: "2.0", method: "ping" },
    { jsonrpc: "2.0", method: "nothing", id: "b" },
    { jsonrpc: "2.0", method: "get_system_info", id: "c" },
    [],
  ];
  await host.send(`${JSON.stringify(batch)}\n`);
  const answers = z.parse(
    z.array(z.looseObject({ id: z.unknown(), error: z.optional(z.object({ code: z.number() })) })),
    await host.take(Array.isArray, "an array"),
  );
  const found = answers.map(({ id, error }) => [id, error?.code]).sort();
  assertEquals(
    found,
    [
      ["a", undefined],
      ["b", METHOD_NOT_FOUND],
      ["c", undefined],
      [null, INVALID_REQUEST],
      [null, INVALID_REQUEST],
    ].sort(),
  );
  await host.ping();
});
