import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as z from "zod";
import { notFound, permissionDenied } from "../../../lib/base/errors.ts";
import { CallInFlight } from "../../../lib/core/calls_in_flight.ts";
import { Executor } from "../../../lib/core/executor.ts";
import { method, NoParams } from "../../../lib/core/method.ts";
import { byteLength, CollectingLog, configWith } from "../_helpers.ts";
import { answerOf, anyMethod, batchOf, InProcessAgent, request } from "./_host.ts";
import { memoryServices } from "../guest/_memory_guest.ts";

const echo = anyMethod("echo", ({ value }) => value ?? null);
/** Answers only after others have had their turn. */
const echoLater = anyMethod("echo_later", async ({ value }) => {
  await Promise.resolve();
  return value ?? null;
});
const quick = anyMethod("quick", () => "quick", { immediate: true });

Deno.test("an answer has id, jsonrpc and the result, and nothing else", async () => {
  const [text] = await new InProcessAgent([echo]).exchange(
    request({ id: 1, method: "echo", params: { value: "x" } }),
  );
  assertEquals(text, '{"jsonrpc":"2.0","result":"x","id":1}');
});

Deno.test("a result of null is a result", async () => {
  const agent = new InProcessAgent([echo]);
  assertEquals(await agent.exchange(request({ id: 1, method: "echo" })), [
    '{"jsonrpc":"2.0","result":null,"id":1}',
  ]);
});

Deno.test("a request with a null id is answered", async () => {
  const agent = new InProcessAgent([echo]);
  const answer = await agent.ask(request({ id: null, method: "echo", params: { value: 1 } }));
  assertEquals([answer.id, answer.result], [null, 1]);
});

Deno.test("a notification runs and is not answered, whatever comes of it", async () => {
  const ran: string[] = [];
  const agent = new InProcessAgent([
    anyMethod("fine", () => void ran.push("fine")),
    anyMethod("breaks", () => {
      ran.push("breaks");
      throw new Error("broken");
    }),
    anyMethod("refuses", () => {
      ran.push("refuses");
      throw permissionDenied("no");
    }),
    anyMethod("quick", () => void ran.push("quick"), { immediate: true }),
  ]);
  for (const name of ["fine", "breaks", "refuses", "quick", "unknown"]) {
    assertEquals(await agent.exchange(request({ method: name })), []);
  }
  assertEquals(ran, ["fine", "breaks", "refuses", "quick"]);
});

for (const name of ["quick", "echo", "echo_later", "unknown"]) {
  for (
    const id of [
      '"a"',
      '""',
      "0",
      "-1",
      "9223372036854775807",
      "18446744073709551615",
      "-9007199254740993",
      "0.1",
      "1.25e-9",
      "1e400",
      "null",
    ]
  ) {
    Deno.test(`the id ${id} comes back exactly from ${name}`, async () => {
      const agent = new InProcessAgent([echo, echoLater, quick]);
      const line = `{"jsonrpc":"2.0","id":${id},"method":"${name}"}`;
      const [text] = await agent.exchange(line);
      assertStringIncludes(text ?? "", `"id":${id}}`);
      const [batch] = await agent.exchange(`[${line},{"jsonrpc":"2.0","id":0.5,"method":"echo"}]`);
      assertStringIncludes(batch ?? "", `"id":${id}}`);
      assertStringIncludes(batch ?? "", `"id":0.5}`);
    });
  }
}

for (
  const [what, params, code] of [
    ["an array", "[]", -32602],
    ["an array with members", "[1]", -32602],
    ["null", "null", -32600],
    ["a number", "1", -32600],
    ["a string", '"a"', -32600],
    ["true", "true", -32600],
    ["an unknown member", '{"tiemout":1}', -32602],
    ["__proto__", '{"__proto__":{"timeout":1}}', -32602],
    ["constructor", '{"constructor":1}', -32602],
    ["a member of the wrong type", '{"timeout":"1"}', -32602],
    ["a fraction for a whole number", '{"timeout":1.5}', -32602],
    ["a number below the least", '{"timeout":-1}', -32602],
    ["a huge number", '{"timeout":1e308}', -32602],
    ["a number too large for a double", '{"timeout":1e999}', -32602],
    ["null for a member", '{"timeout":null}', -32602],
  ] as const
) {
  Deno.test(`params that are or hold ${what} are refused with ${code}, the method not run`, async () => {
    let hasRun = false;
    const agent = new InProcessAgent([
      method({
        name: "strict",
        summary: "For tests.",
        params: z.strictObject({ timeout: z.optional(z.int().check(z.gte(0))) }),
        result: z.null(),
        access: "always",
        audited: false,
        example: { result: null },
        run: () => {
          hasRun = true;
          return null;
        },
      }),
    ]);
    const answer = await agent.ask(
      `{"jsonrpc":"2.0","id":1,"method":"strict","params":${params}}`,
    );
    assertEquals([answer.id, answer.error?.code], [1, code]);
    assertEquals(hasRun, false);
    assertEquals("timeout" in {}, false);
  });
}

Deno.test("unknown members are refused by name, all at once, with what was meant", async () => {
  const agent = new InProcessAgent([
    method({
      name: "strict",
      summary: "For tests.",
      params: z.strictObject({ path: z.string(), timeout: z.optional(z.int()) }),
      result: z.null(),
      access: "always",
      audited: false,
      example: { result: null },
      run: () => null,
    }),
  ]);
  const { error } = await agent.ask(
    request({ id: 1, method: "strict", params: { timeout_s: 1, whatever: 2 } }),
  );
  assertEquals(error?.data.params, ["path", "timeout_s", "whatever"]);
  assertStringIncludes(error?.data.reason ?? "", "path must be a string, but is missing");
  assertStringIncludes(
    error?.data.reason ?? "",
    'timeout_s is unknown (did you mean "timeout"?)',
  );
  assertStringIncludes(error?.data.reason ?? "", "whatever is unknown");
});

for (
  const name of [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "prototype",
    "",
    " ",
    "ECHO",
    "echo ",
    "echo\u0000",
    "rpc.echo",
    "x".repeat(10_000),
  ]
) {
  Deno.test(`a method named ${JSON.stringify(name.slice(0, 20))} is not found`, async () => {
    const agent = new InProcessAgent([echo, anyMethod("other", () => null)]);
    const answer = await agent.ask(request({ id: 1, method: name }));
    assertEquals(answer.error?.code, -32601);
    assertEquals(answer.error?.data.method, name.slice(0, 100));
  });
}

Deno.test("an unknown method's answer names the one that was meant", async () => {
  const agent = new InProcessAgent([anyMethod("get_disk_usage", () => null), echo]);
  const answer = await agent.ask(request({ id: 1, method: "get_disk_use" }));
  assertStringIncludes(answer.error?.data.reason ?? "", 'did you mean "get_disk_usage"');
});

for (
  const [what, line, reason] of [
    ["truncated JSON", '{"jsonrpc":"2.0","id":1', "not JSON"],
    ["single quotes", "{'single': 'quotes'}", "not JSON"],
    ["a byte order mark", '\ufeff{"jsonrpc":"2.0","id":1,"method":"echo"}', "byte order mark"],
    ["NULs", "\0\0\0", "not JSON"],
    ["NaN", "NaN", "not JSON"],
    ["deep nesting without an end", "[".repeat(5_900), "not JSON"],
  ] as const
) {
  Deno.test(`a line that is ${what} is answered with -32700 and a null id`, async () => {
    const answer = await new InProcessAgent([echo]).ask(line);
    assertEquals([answer.id, answer.error?.code], [null, -32700]);
    assertStringIncludes(answer.error?.data.reason ?? "", reason);
  });
}

for (
  const [what, line] of [
    ["elements", `[${"1,".repeat(6000)}1]`],
    ["members", `{${Array.from({ length: 6001 }, (_, index) => `"m${index}":1`).join(",")}}`],
    ["nested arrays without an end", "[".repeat(6001)],
  ] as const
) {
  Deno.test(`a line of over 6,000 ${what} is refused before it is parsed`, async () => {
    const answer = await new InProcessAgent([echo]).ask(line);
    assertEquals([answer.id, answer.error?.code], [null, -32600]);
    assertStringIncludes(answer.error?.data.reason ?? "", "may have 6000 values");
  });
}

/** Nestings that JSON.parse takes; those with "0" and "toJSON" cost JSON.stringify its stack. */
const DEEP = ([
  ["[", "]", 5_900],
  ['{"a":', "}", 5_900],
  ['{"0":', "}", 5_900],
  ['[{"0":', "}]", 2_900],
  ['{"toJSON":', "}", 5_000],
  ['{"__proto__":', "}", 4_000],
] as const).map(([open, close, depth]) => open.repeat(depth) + "1" + close.repeat(depth));

for (const deep of DEEP) {
  for (
    const [where, line, code] of [
      ["as a batch's request", `[${deep}]`, -32600],
      ["as id", `{"jsonrpc":"2.0","method":"echo","id":${deep}}`, -32600],
      ["as jsonrpc", `{"jsonrpc":${deep},"method":"echo","id":1}`, -32600],
      ["as method", `{"jsonrpc":"2.0","method":${deep},"id":1}`, -32600],
      ["as an unknown member", `{"jsonrpc":"2.0","method":"none","id":1,"x":${deep}}`, -32600],
      ["as params", `{"jsonrpc":"2.0","method":"none","id":1,"params":[${deep}]}`, -32602],
      ["in params", `{"jsonrpc":"2.0","method":"none","id":1,"params":{"a":${deep}}}`, -32602],
    ] as const
  ) {
    Deno.test(`deep nesting ${where} is refused with ${code}: ${deep.slice(0, 16)}…`, async () => {
      const agent = new InProcessAgent([
        method({
          name: "none",
          summary: "For tests.",
          params: z.strictObject({ a: z.optional(z.string()) }),
          result: z.null(),
          access: "always",
          audited: false,
          example: { result: null },
          run: () => null,
        }),
      ], { max_message_size_kb: 256 });
      const [text = ""] = await agent.exchange(line);
      const answers = text.startsWith("[") ? batchOf(text) : [answerOf(text)];
      assertEquals(answers.map(({ error }) => error?.code), [code]);
      assertEquals(agent.log.of("internal error"), []);
    });
  }
}

Deno.test("requests run concurrently and are answered as they finish", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const agent = new InProcessAgent([anyMethod("slow", () => promise), echo]);
  let isSlowDone = false;
  const slow = agent.ask(request({ id: 1, method: "slow" })).finally(() => isSlowDone = true);
  assertEquals((await agent.ask(request({ id: 2, method: "echo" }))).id, 2);
  assertEquals(isSlowDone, false);
  resolve("late");
  assertEquals((await slow).result, "late");
});

for (
  const [what, thrown] of [
    ["an Error", new Error("secret internals at /srv/agent")],
    ["a TypeError", new TypeError("undefined is not a function: secret")],
    ["a string", "secret"],
    ["undefined", undefined],
    ["an object", { secret: true }],
  ] as const
) {
  for (const immediate of [true, false]) {
    const kind = immediate ? "an immediate method" : "a method";
    Deno.test(`${what} thrown by ${kind} is -32603 without internals, logged whole`, async () => {
      const agent = new InProcessAgent([
        anyMethod("breaks", () => {
          throw thrown;
        }, { immediate }),
      ]);
      const [text = ""] = await agent.exchange(request({ id: 1, method: "breaks" }));
      const { error } = answerOf(text);
      assertEquals([error?.code, error?.message], [-32603, "Internal error"]);
      assertEquals(/secret|\.ts|file:|stack/.test(text), false, text);
      const [fault] = agent.log.of("internal error");
      assertEquals([fault?.level, fault?.fields.id, fault?.fields.method], ["error", 1, "breaks"]);
      if (thrown instanceof Error) assertEquals(fault?.fields.error, thrown.stack);
      const [line] = agent.log.of("request");
      assertEquals([line?.fields.outcome, line?.fields.code], ["error", -32603]);
    });
  }
}

Deno.test("a result that is no JSON is -32603 and logged", async () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  for (const result of [1n, cycle]) {
    for (const immediate of [true, false]) {
      const agent = new InProcessAgent([anyMethod("odd", () => result, { immediate })]);
      const { error } = await agent.ask(request({ id: 1, method: "odd" }));
      assertEquals(error?.code, -32603);
      assertEquals(agent.log.of("internal error").length, 1);
      assertEquals(agent.log.of("request").map(({ fields }) => fields.outcome), ["error"]);
    }
  }
});

Deno.test("native errors reach the wire by their kind", async () => {
  const agent = new InProcessAgent([
    anyMethod("native", ({ kind }) => {
      if (kind === "NotFound") throw new Deno.errors.NotFound("No such file (os error 2): 'x'");
      if (kind === "NotCapable") {
        throw new Deno.errors.NotCapable('Requires read access to "/x", run again with --allow');
      }
      throw new Error("No space left on device (os error 28)");
    }),
  ]);
  for (const [kind, code] of [["NotFound", -32002], ["NotCapable", -32001], ["", -32000]]) {
    const { error } = await agent.ask(request({ id: 1, method: "native", params: { kind } }));
    assertEquals(error?.code, code);
    assertEquals(JSON.stringify(error).includes("--allow"), false);
  }
});

Deno.test("an error's data has the reason and the names of what it happened to", async () => {
  const agent = new InProcessAgent([
    anyMethod("read", () => {
      throw notFound("/tmp/x does not exist", { path: "/tmp/x" });
    }),
  ]);
  const { error } = await agent.ask(request({ id: 1, method: "read" }));
  assertEquals(error, {
    code: -32002,
    message: "Not found",
    data: { reason: "/tmp/x does not exist", path: "/tmp/x" },
  });
});

for (const immediate of [true, false]) {
  const kind = immediate ? "an immediate method's" : "a method's";
  Deno.test(`${kind} answer over the limit is -32000 with both sizes, and logged so`, async () => {
    const agent = new InProcessAgent(
      [anyMethod("large", () => "ä".repeat(600), { immediate })],
      { max_message_size_kb: 1 },
    );
    const [text = ""] = await agent.exchange(request({ id: 1, method: "large" }));
    const { id, error } = answerOf(text);
    const full = byteLength(JSON.stringify({ jsonrpc: "2.0", result: "ä".repeat(600), id: 1 }));
    assertEquals([id, error?.code], [1, -32000]);
    assertEquals([error?.data.size_bytes, error?.data.limit_bytes], [full, 1024]);
    const [line] = agent.log.of("request");
    assertEquals([line?.fields.outcome, line?.fields.code], ["error", -32000]);
  });
}

Deno.test("an answer of exactly the limit is sent", async () => {
  const frame = byteLength('{"jsonrpc":"2.0","result":"","id":1}');
  for (const [spare, isSent] of [[0, true], [-1, false]] as const) {
    const agent = new InProcessAgent(
      [anyMethod("large", () => "x".repeat(1024 - frame - spare))],
      { max_message_size_kb: 1 },
    );
    const [text = ""] = await agent.exchange(request({ id: 1, method: "large" }));
    assertEquals("result" in answerOf(text), isSent);
    assert(byteLength(text) <= 1024);
  }
});

Deno.test("a result of resultLimitBytes fits one message, whatever the id, in a batch too", async () => {
  for (const id of ["1", '"a"', `"${"ä".repeat(100)}"`, "9223372036854775807", "null"]) {
    const agent = new InProcessAgent([
      anyMethod("fill", (_params, { resultLimitBytes }) => "x".repeat(resultLimitBytes - 2)),
    ], { max_message_size_kb: 1 });
    const line = `{"jsonrpc":"2.0","id":${id},"method":"fill"}`;
    for (const [text] of [await agent.exchange(line), await agent.exchange(`[${line}]`)]) {
      assertStringIncludes(text ?? "", '"result"');
      assert(byteLength(text ?? "") <= 1024);
    }
  }
});

// Nothing that a host sends within the limit may be answered with more than the limit.
for (
  const [what, lineOf] of [
    ["a long id", (size: number) => request({ id: "x".repeat(size), method: "echo" })],
    ["a long id and no method", (size: number) => request({ id: "x".repeat(size), method: "no" })],
    [
      "a long number as id",
      (size: number) => `{"jsonrpc":"2.0","id":1${"0".repeat(size)},"method":"echo"}`,
    ],
    ["a long method", (size: number) => request({ id: 1, method: "x".repeat(size) })],
    [
      "a long unknown member",
      (size: number) => request({ id: 1, method: "strict", params: { ["x".repeat(size)]: 1 } }),
    ],
    [
      "a long unknown member of the request",
      (size: number) => `{"jsonrpc":"2.0","id":1,"method":"echo","${"x".repeat(size)}":1}`,
    ],
    ["many unknown members", (size: number) =>
      request({
        id: 1,
        method: "strict",
        params: Object.fromEntries(Array.from({ length: size / 12 }, (_, i) => [`a${i}`, 1])),
      })],
    [
      "an error about a long name",
      (size: number) => request({ id: 1, method: "missing", params: { name: "x".repeat(size) } }),
    ],
    ["a line that is no JSON", (size: number) => `nonsense ${"x".repeat(size)}`],
  ] as const
) {
  Deno.test(`the answer to ${what} is within the limit`, async () => {
    const agent = new InProcessAgent([
      echo,
      method({
        name: "strict",
        summary: "For tests.",
        params: NoParams,
        result: z.null(),
        access: "always",
        audited: false,
        example: { result: null },
        run: () => null,
      }),
      anyMethod("missing", ({ name }) => {
        throw notFound(`there is no ${name}`, { name });
      }),
    ]);
    const limit = 64 * 1024;
    const line = lineOf(limit - 150);
    assert(byteLength(line) <= limit);
    const [text = ""] = await agent.exchange(line);
    answerOf(text.replace(/"id":10+/, '"id":1'));
    assert(byteLength(text) <= limit, `${byteLength(text)} bytes: ${text.slice(0, 200)}`);
    // Nor does the log follow such a line.
    const logged = byteLength(JSON.stringify(agent.log.lines));
    assert(logged <= 8 * 1024, `${logged} bytes logged`);
  });
}

Deno.test("a request is logged with id, method, milliseconds, outcome and target", async () => {
  const agent = new InProcessAgent([
    method({
      name: "touch",
      summary: "For tests.",
      params: z.strictObject({ path: z.string(), content: z.string() }),
      result: z.null(),
      access: "always",
      audited: false,
      example: { result: null },
      target: ({ path }) => ({ path }),
      run: ({ content }) => {
        if (content === "bad") throw permissionDenied("not you");
        return null;
      },
    }),
  ]);
  for (const [id, content] of [["a", "good"], ["b", "bad"]] as const) {
    await agent.exchange(request({ id, method: "touch", params: { path: "/tmp/x", content } }));
  }
  const [good, bad] = agent.log.of("request").map((line) => {
    const { ms, ...fields } = JSON.parse(JSON.stringify(line.fields));
    assertEquals(typeof ms, "number");
    return fields;
  });
  assertEquals(good, { id: "a", method: "touch", outcome: "ok", path: "/tmp/x" });
  assertEquals(bad, {
    id: "b",
    method: "touch",
    outcome: "error",
    path: "/tmp/x",
    code: -32001,
    reason: "not you",
  });
});

Deno.test("the log shows nothing of hidden parameters, nor of a line that is no JSON", async () => {
  const agent = new InProcessAgent([
    method({
      name: "write",
      summary: "For tests.",
      params: z.strictObject({ content: z.string(), env: z.record(z.string(), z.string()) }),
      result: z.string(),
      access: "always",
      audited: false,
      example: { result: "" },
      hidden: ["content", "env"],
      run: ({ content }) => content,
    }),
  ]);
  for (
    const line of [
      '{"jsonrpc":"2.0","id":1,"method":"write","params":{"content":["S3CR3T"],"env":{"A":"S3CR3T"}}}',
      '{"jsonrpc":"2.0","id":1,"method":"write","params":{"content":"","env":{"A":["S3CR3T"]}}}',
      '{"jsonrpc":"2.0","id":1,"method":"write","params":{"content":"","env":"S3CR3T"}}',
      '{"jsonrpc":"2.0","id":1,"method":"write","params":{"content":"S3CR3T","env":{}}}',
      '{"jsonrpc":"2.0","id":1,"method":"write","params":{"content":S3CR3T}}',
      '{"jsonrpc":"2.0","id":1,"method":"write","params":{"content":"S3CR3T',
      "S3CR3T",
    ]
  ) {
    await agent.exchange(line);
  }
  assertEquals(agent.log.lines.length >= 7, true);
  assertEquals(JSON.stringify(agent.log.lines).includes("S3CR3T"), false);
});

Deno.test("an executor refuses two methods of one name", () => {
  const services = { config: configWith(), ...memoryServices(), log: new CollectingLog() };
  assertThrows(
    () => new Executor({ ...services, methods: [echo, echo] }),
    Error,
    "share a name",
  );
});

Deno.test("what a method holds for its answer is freed once that has been sent, and not before", async () => {
  const events: string[] = [];
  const holding = (name: string, isRefused: boolean) =>
    anyMethod(name, (_params, { whenAnswered }) => {
      whenAnswered?.(() => events.push(`${name} freed`));
      events.push(`${name} done`);
      if (isRefused) throw permissionDenied("no");
      return null;
    });
  const agent = new InProcessAgent([holding("works", false), holding("fails", true)]);
  for (const name of ["works", "fails"]) {
    await agent.exchange(request({ id: 1, method: name }));
    assertEquals(events.splice(0), [`${name} done`, `${name} freed`]);
  }
});

Deno.test("what work holds that goes on after its answer is freed when it is told of", () => {
  const call = new CallInFlight();
  call.answered();
  let isFreed = false;
  call.whenAnswered(() => isFreed = true);
  assertEquals(isFreed, true);
});
