/**
 * Requests whose ids or parameters are wrong, or valid but unusual.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { TestAgent } from "./_agent.ts";
import { assertRefused, errorOf, resultOf } from "./_host.ts";
import { endLeftOver } from "../_processes.ts";
import { until } from "../_waiting.ts";
import { INVALID_PARAMS, INVALID_REQUEST } from "../_error_codes.ts";
import { isAlive } from "../_processes.ts";

const Pong = z.looseObject({ pong: z.literal(true) });
const Executed = z.looseObject({ exit_code: z.int(), stdout: z.string() });

Deno.test("an id is returned unchanged, for", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const ids = [
    ...['"text"', '""', '" "', '"é😀\\u2028\\u0000"', '"__proto__"', '"\\ud800"'],
    ...["0", "1", "-1", "1.5", "1e21", "1e-7", "null"],
    ...["9007199254740991", "9007199254740993", "18446744073709551615", "-9223372036854775808"],
    `"${"x".repeat(10_000)}"`,
  ];
  for (const id of ids) {
    await t.step(id.slice(0, 40), async () => {
      resultOf(await host.ask(`{"jsonrpc":"2.0","method":"ping","id":${id}}`), Pong);
      // As text: numbers beyond 2^53 would not survive this side's JSON.parse.
      const expected = id.startsWith('"') ? JSON.stringify(JSON.parse(id)) : id;
      assertEquals(host.lastLine.replace(/^.*,"id":/, "").slice(0, -1), expected);
    });
  }
});

Deno.test("a second request with an id in flight is refused, and the first continues", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const release = `${agent.paths.files}/release`;
  const wait = {
    command: "sh",
    args: ["-c", 'until [ -e "$0" ]; do sleep 0.02; done; echo first', release],
  };
  const line = (id: unknown, method: string, params: unknown) =>
    `${JSON.stringify({ jsonrpc: "2.0", method, params, id })}\n`;
  await host.send(line(7, "exec_command", wait));
  await host.send(line(7, "exec_command", { command: "true" }));
  const { data } = assertRefused(await host.answerTo(7), INVALID_REQUEST, /still in flight/);
  assertStringIncludes(data.reason, "id 7");
  // A string is a different id from the number.
  await host.send(line("7", "exec_command", { command: "true" }));
  assertEquals(resultOf(await host.answerTo("7"), Executed).exit_code, 0);
  // So is null, which several requests may have.
  await host.send(line(null, "exec_command", { command: "true" }));
  await host.send(line(null, "exec_command", { command: "true" }));
  resultOf(await host.answerTo(null), Executed);
  resultOf(await host.answerTo(null), Executed);
  await Deno.writeTextFile(release, "");
  assertEquals(resultOf(await host.answerTo(7), Executed).stdout, "first\n");
  await host.send(line(7, "ping", undefined));
  resultOf(await host.answerTo(7), Pong);
});

Deno.test("two requests of one batch with the same id: one is refused", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const request = { jsonrpc: "2.0", method: "exec_command", params: { command: "true" }, id: 1 };
  await host.send(`${JSON.stringify([request, request])}\n`);
  const answers = z.parse(z.array(z.looseObject({})), await host.take(Array.isArray, "an array"));
  assertEquals(answers.map((one) => "error" in one).sort(), [false, true]);
  await host.ping();
});

/** Method, parameters, what the reason must say. */
const REFUSED: readonly (readonly [string, unknown, RegExp])[] = [
  ["ping", { extra: 1 }, /^extra is unknown$/],
  ["get_system_info", { verbose: true }, /^verbose is unknown$/],
  ["file_read", {}, /^path must be a string, but is missing$/],
  ["file_read", { path: 5 }, /^path must be a string, received 5$/],
  ["file_read", { path: null }, /^path must be a string, received null$/],
  ["file_read", { path: ["/etc/hostname"] }, /^path must be a string, received \[/],
  ["file_read", { path: { toString: "/etc/hostname" } }, /^path must be a string, received \{/],
  ["file_read", { path: "" }, /^path must be absolute, received ""$/],
  ["file_read", { path: "/x", encodign: "utf8" }, /^encodign .*did you mean "encoding"/],
  ["file_read", { path: "/x", encoding: "latin1" }, /^encoding must be one of "utf8", "base64"/],
  ["file_read", { path: "/x", encoding: "" }, /^encoding must be one of .*, received ""$/],
  ["file_read", { path: "/x", offset: -1 }, /^offset must be at least 0, received -1$/],
  ["file_read", { path: "/x", offset: 1.5 }, /^offset must be a whole number, received 1\.5$/],
  ["file_read", { path: "/x", offset: "0" }, /^offset must be a.* number, received "0"$/],
  ["file_read", { path: "/x", offset: 1e308 }, /^offset must be /],
  ["file_read", { path: "/x", length: 0 }, /^length must be at least 1, received 0$/],
  ["file_read", { path: "/x", length: -5 }, /^length must be at least 1, received -5$/],
  ["file_read", { path: "/x", length: true }, /^length must be a.* number, received true$/],
  ["file_write", { path: "/x" }, /^content must be a string, but is missing$/],
  ["file_write", { path: "/x", content: 5 }, /^content must be a string$/],
  ["file_write", { path: "/x", content: null }, /^content must be a string$/],
  ["file_write", { path: "/x", content: "", create_dirs: "yes" }, /^create_dirs must be true or f/],
  ["file_write", { path: "/x", content: "", create_dirs: 1 }, /^create_dirs must be true or false/],
  ["file_write", { path: "/x", content: "", offset: -1 }, /^offset must be at least 0/],
  ["file_write", { path: "/x", content: "", mode: "0644" }, /^mode is unknown/],
  ["exec_command", {}, /^command must be a string, but is missing$/],
  ["exec_command", { command: "" }, /command must be a program's name or absolute path/],
  ["exec_command", { command: "." }, /command must be a program's name or absolute path/],
  ["exec_command", { command: ".." }, /command must be a program's name or absolute path/],
  ["exec_command", { command: "./id" }, /bare name or an absolute path, not a relative one/],
  ["exec_command", { command: "bin/id" }, /bare name or an absolute path, not a relative one/],
  ["exec_command", { command: "i\0d" }, /^command must not contain NUL/],
  ["exec_command", { command: ["id"] }, /^command must be a string/],
  ["exec_command", { command: "id", args: "-u" }, /^args must be an array/],
  ["exec_command", { command: "id", args: [1] }, /^args\[0\] must be a string, received 1$/],
  ["exec_command", { command: "id", args: [null] }, /^args\[0\] must be a string, received null$/],
  ["exec_command", { command: "id", args: ["a\0"] }, /^args\[0\] must not contain NUL/],
  ["exec_command", { command: "id", args: { 0: "-u" } }, /^args must be an array/],
  ["exec_command", { command: "id", timeout: 60 }, /^timeout is unknown .*timeout_seconds/],
  ["exec_command", { command: "id", timeout_seconds: -1 }, /at least 1, received -1$/],
  ["exec_command", { command: "id", timeout_seconds: 0 }, /at least 1, received 0$/],
  ["exec_command", { command: "id", timeout_seconds: 1.5 }, /a whole number, received 1\.5$/],
  ["exec_command", { command: "id", timeout_seconds: 1e308 }, /^timeout_seconds must be /],
  ["exec_command", { command: "id", timeout_seconds: -1e308 }, /^timeout_seconds must be /],
  ["exec_command", { command: "id", timeout_seconds: 301 }, /at most 300 .*, received 301$/],
  ["exec_command", { command: "id", timeout_seconds: 2 ** 53 }, /^timeout_seconds must be /],
  ["exec_command", { command: "id", timeout_seconds: "60" }, /number, received "60"$/],
  ["exec_command", { command: "id", timeout_seconds: null }, /number, received null$/],
  ["exec_command", { command: "id", timeout_seconds: true }, /number, received true$/],
  ["exec_command", { command: "id", timeout_seconds: [60] }, /number, received \[60\]$/],
  ["exec_command", { command: "id", capture_output: 0 }, /^capture_output must be true or false/],
  ["exec_command", { command: "id", working_directory: "" }, /^working_directory must be absolut/],
  ["exec_command", { command: "id", working_directory: "tmp" }, /^working_directory must be abs/],
  ["exec_command", { command: "id", working_directory: "/a\0" }, /^working_directory must not co/],
  ["exec_command", { command: "id", env: ["A=1"] }, /^env must be an object$/],
  ["exec_command", { command: "id", env: "A=1" }, /^env must be an object$/],
  ["exec_command", { command: "id", env: { A: 1 } }, /^env\.A must be a string$/],
  ["exec_command", { command: "id", env: { A: "\0" } }, /^env\.A must not contain NUL$/],
  [
    "exec_command",
    { command: "id", env: { "A=B": "" } },
    /^env\.A=B must be letters, digits and _, and must not start with a digit$/,
  ],
  [
    "exec_command",
    { command: "id", env: { "": "x" } },
    /must be letters, digits and _, and must not start with a digit$/,
  ],
  [
    "exec_command",
    { command: "id", env: { "A\0": "x" } },
    /must be letters, digits and _, and must not start with a digit$/,
  ],
  ["exec_command", { command: "id", input: 5 }, /^input must be a string$/],
  ["exec_command", { command: "id", input: "%", input_encoding: "base64" }, /must be base64/],
  ["exec_command", { command: "id", input_encoding: "hex" }, /^input_encoding must be one of/],
  ["exec_command", { command: "id", output_encoding: "hex" }, /^output_encoding must be one of/],
  ["exec_command", { command: "id", shell: true }, /^shell is unknown/],
  ["shutdown", { timeout_seconds: -1 }, /^timeout_seconds must be at least 0, received -1$/],
  ["shutdown", { timeout_seconds: 1.5 }, /^timeout_seconds must be a whole number/],
  ["shutdown", { timeout_seconds: 1e308 }, /^timeout_seconds must be /],
  ["shutdown", { force: "yes" }, /^force must be true or false, received "yes"$/],
  ["reboot", { delay: 5 }, /^delay is unknown/],
  ["rpc.cancel", {}, /^id must be a string or a number, but is missing$/],
  ["rpc.cancel", { id: null }, /^id must be a string or a number, received null$/],
];

/** As text, since JavaScript would not send these. */
const REFUSED_TEXT: readonly (readonly [string, string, RegExp])[] = [
  ["exec_command", '{"command":"id","timeout_seconds":1e999}', /^timeout_seconds must be /],
  ["exec_command", '{"command":"id","timeout_seconds":-1e999}', /^timeout_seconds must be /],
  ["file_read", '{"path":"/x","offset":18446744073709551616}', /^offset must be /],
  ["ping", '{"__proto__":{"a":1}}', /^__proto__ is unknown$/],
  ["ping", '{"constructor":1}', /^constructor is unknown$/],
  ["file_read", '{"__proto__":{"path":"/etc/hostname"}}', /path must be a string, but is missing/],
  ["file_read", '{"path":"/x","__proto__":null}', /^__proto__ is unknown/],
  ["file_read", '{"path":"/x","constructor":{"prototype":{}}}', /^constructor is unknown/],
  ["exec_command", '{"command":"id","toString":"x"}', /^toString is unknown/],
];

Deno.test("parameters that break a rule are refused by name:", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const table = [
    ...REFUSED.map(([method, params, reason]) => [method, JSON.stringify(params), reason] as const),
    ...REFUSED_TEXT,
  ];
  for (const [method, params, reason] of table) {
    await t.step(`${method} ${params.slice(0, 60)}`, async () => {
      const line = `{"jsonrpc":"2.0","method":"${method}","params":${params},"id":"bad"}`;
      assertRefused(await host.ask(line), INVALID_PARAMS, reason);
      await host.ping();
    });
  }
});

Deno.test("every problem of the parameters is reported at once", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const params = { command: 5, timeout_seconds: -1, nonsense: true, args: [1, "x", 2] };
  const { data } = assertRefused(
    await host.request("exec_command", params),
    INVALID_PARAMS,
    /nonsense is unknown/,
  );
  assertEquals(data.params, ["command", "args[0]", "args[2]", "timeout_seconds", "nonsense"]);
  for (const name of ["command", "args[0]", "args[2]", "timeout_seconds"]) {
    assertStringIncludes(data.reason, `${name} must be`);
  }
});

Deno.test("a refused exec_command runs nothing", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const path = `${agent.paths.files}/made`;
  const params = { command: "touch", args: [path], timeout: 60 };
  assertRefused(await host.request("exec_command", params), INVALID_PARAMS, /^timeout /);
  await host.call("exec_command", { command: "true" }, Executed);
  assertEquals(await Array.fromAsync(Deno.readDir(agent.paths.files)), []);
});

Deno.test("empty strings are accepted where they mean something", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const path = `${agent.paths.files}/empty`;
  const Written = z.strictObject({ bytes_written: z.int(), path: z.string() });
  const written = await host.call("file_write", { path, content: "" }, Written);
  assertEquals(written, { bytes_written: 0, path });
  const Read = z.strictObject({
    content: z.string(),
    size_bytes: z.int(),
    encoding: z.string(),
  });
  const read = await host.call("file_read", { path }, Read);
  assertEquals(read, { content: "", size_bytes: 0, encoding: "utf8" });
  const args = ["[%s]", "", "a", ""];
  assertEquals(
    (await host.call("exec_command", { command: "printf", args }, Executed)).stdout,
    "[][a][]",
  );
  const cat = await host.call("exec_command", { command: "cat", input: "" }, Executed);
  assertEquals([cat.exit_code, cat.stdout], [0, ""]);
  const env = { EMPTY: "" };
  const shell = { command: "sh", args: ["-c", 'echo "${EMPTY-unset}."'], env };
  assertEquals((await host.call("exec_command", shell, Executed)).stdout, ".\n");
});

Deno.test("a variable called constructor reaches the child, __proto__ is refused by name", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const line = '{"jsonrpc":"2.0","method":"exec_command","id":1,"params":{"command":"env",' +
    '"env":{"constructor":"two","toString":"three"}}}';
  const { stdout } = resultOf(await host.ask(line), Executed);
  const { code, data } = errorOf(await host.ask(line.replace("constructor", "__proto__")));
  assertEquals([code, data.reason.includes("env must not have a member named __proto__")], [
    INVALID_PARAMS,
    true,
  ]);
  for (const variable of ["constructor=two", "toString=three"]) {
    assert(stdout.split("\n").includes(variable), `${variable} in ${stdout}`);
  }
});

Deno.test("arguments reach the program unchanged, whatever they look like", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const odd = [
    "$(id)",
    "`id`",
    "; id",
    "*",
    "a b",
    "'",
    '"',
    "\\",
    "\n",
    "é😀",
    "-n",
    "--help",
    "~",
  ];
  const { stdout } = await host.call(
    "exec_command",
    { command: "/usr/bin/printf", args: ["%s\\0", ...odd] },
    Executed,
  );
  assertEquals(stdout.split("\0").slice(0, -1), odd);
});

Deno.test("an unpaired surrogate is refused", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { files } = agent.paths;
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["content", "file_write", { path: `${files}/a`, content: "a\ud800" }],
    ["path", "file_write", { path: `${files}/b\udc00`, content: "" }],
    ["args", "exec_command", { command: "echo", args: ["\ud800"] }],
    ["env", "exec_command", { command: "env", env: { A: "\ud800" } }],
    ["input", "exec_command", { command: "cat", input: "\ud800" }],
  ];
  for (const [name, method, params] of cases) {
    await t.step(name, async () => {
      const { code, data } = errorOf(await host.request(method, params));
      assertEquals(code, INVALID_PARAMS);
      assertMatch(data.reason, new RegExp(name));
    });
  }
  assertEquals(await Array.fromAsync(Deno.readDir(files)), []);
});

Deno.test("rpc.cancel reaches a request whose id is beyond 2^53", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const pidFile = `${agent.paths.files}/pid`;
  const params = JSON.stringify({
    command: "sh",
    args: ["-c", 'echo $$ > "$0"; exec sleep 300', pidFile],
  });
  const id = "9007199254740993";
  await host.send(`{"jsonrpc":"2.0","method":"exec_command","params":${params},"id":${id}}\n`);
  let pid = 0;
  await until(async () => {
    pid = Number(await Deno.readTextFile(pidFile).catch(() => ""));
    return pid > 0;
  }, "the command to run");
  try {
    const line = `{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":${id}},"id":"cancel"}\n`;
    await host.send(line);
    const { cancelled } = resultOf(
      await host.answerTo("cancel"),
      z.strictObject({ cancelled: z.boolean() }),
    );
    assert(cancelled, "cancelled");
    await until(async () => !await isAlive(pid), "the command's end");
  } finally {
    await endLeftOver(pid);
  }
});
