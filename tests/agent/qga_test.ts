/**
 * The QEMU guest agent's language, spoken by a confined agent.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type AgentOptions, makePaths, runAgent, TestAgent } from "./_agent.ts";
import type { Host, Message } from "./_host.ts";
import { residentMb } from "../_processes.ts";
import { until } from "../_waiting.ts";

const MB = 1024 * 1024;
const MOST_GROWTH_MB = 10;

/** The test machine may have a configuration of qemu-ga. */
const QGA: Required<AgentOptions>["args"] = ({ directory }) => [
  "--dialect",
  "qga",
  "--qemu-ga-conf",
  `${directory}/qemu-ga.conf`,
];

const start = (options: AgentOptions = {}) => TestAgent.start({ ...options, args: QGA });

/** Asks and takes the answer, which comes in order. */
async function ask(host: Host, execute: string, parameters?: unknown): Promise<Message> {
  await host.send(JSON.stringify({ execute, arguments: parameters }));
  return Object(await host.next());
}

/** What a command returns. */
async function call(host: Host, execute: string, parameters?: unknown): Promise<unknown> {
  const answer = await ask(host, execute, parameters);
  assert("return" in answer, JSON.stringify(answer));
  return answer.return;
}

/** Asserts that a command is refused, with the class and a description. */
async function assertError(
  host: Host,
  [execute, parameters]: readonly [string, unknown?],
  errorClass: "GenericError" | "CommandNotFound",
  description: RegExp,
): Promise<void> {
  const { error } = await ask(host, execute, parameters);
  assertEquals(Object(error).class, errorClass, JSON.stringify(error));
  assertMatch(Object(error).desc, description);
}

/** Starts a program and waits for its end. */
async function run(host: Host, parameters: Readonly<Record<string, unknown>>): Promise<Message> {
  const pid = Object(await call(host, "guest-exec", parameters)).pid;
  let status: Message = {};
  await until(
    async () => {
      status = Object(await call(host, "guest-exec-status", { pid }));
      return status.exited === true;
    },
    () => `the end of ${pid}`,
  );
  return status;
}

const open = async (host: Host, path: string, mode = "r") =>
  await call(host, "guest-file-open", { path, mode });

const base64 = (text: string) => new TextEncoder().encode(text).toBase64();

Deno.test("what a client leaves unfinished meets the next client's bytes", async () => {
  const agent = await start();
  await using _agent = agent;
  {
    const host = await agent.connect();
    await using _host = host;
    await host.send('{"execute":"guest-pi');
  }
  const host = await agent.connect();
  await using _host = host;
  await host.send('ng","id":1}');
  assertEquals(await host.next(), { return: {}, id: 1 });
});

Deno.test("answers come in the order of the requests, in ASCII, with the id as it came", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  await host.send(
    '{"execute":"guest-get-vcpus","id":"ä"}{"execute":"guest-ping","id":[1.5,{"a":null}]}' +
      '{"execute":"nonsense"}{"execute":"guest-ping","x":1}{"execute":1}[]',
  );
  assertEquals(Object(await host.next()).id, "ä");
  assertEquals(await host.next(), { return: {}, id: [1.5, { a: null }] });
  const { error } = Object(await host.next());
  assertEquals(error, {
    class: "CommandNotFound",
    desc: "The command nonsense has not been found",
  });
  const descriptions = [];
  for (let count = 0; count < 3; count++) {
    descriptions.push(Object(await host.next()).error.desc);
  }
  assertEquals(descriptions, [
    "QMP input member 'x' is unexpected",
    "QMP input member 'execute' must be a string",
    "QMP input must be a JSON object",
  ]);
  await host.send(
    '{"execute":"guest-sync","arguments":{"id":9007199254740993},"id":18446744073709551615}',
  );
  await host.next();
  assertEquals(host.lastLine, '{"return":9007199254740993,"id":18446744073709551615}');
});

Deno.test("what the policy refuses as a whole is off and not found, as clients need it", async () => {
  const agent = await start({ config: () => ({ security: { command_whitelist: [] } }) });
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const { supported_commands: commands } = Object(await call(host, "guest-info"));
  const off = commands.filter((one: { enabled: boolean }) => !one.enabled)
    .map(({ name }: { name: string }) => name);
  assert(off.includes("guest-exec") && off.includes("guest-shutdown"), off.join());
  assert(off.includes("guest-fsfreeze-freeze"), off.join());
  assert(!off.includes("guest-ping"), off.join());
  const path = "/bin/true";
  await assertError(
    host,
    ["guest-exec", { path }],
    "CommandNotFound",
    /command_whitelist is empty/,
  );
  await assertError(host, ["guest-shutdown"], "CommandNotFound", /started without --power/);
  await assertError(host, ["guest-fsfreeze-freeze"], "CommandNotFound", /--broker none/);
});

Deno.test("the lists of qemu-ga's configuration and of the command line turn commands off", async () => {
  const agent = await TestAgent.start({
    args: (paths) => [...QGA(paths), "-b", "guest-file-open"],
    prepare: ({ directory }) =>
      Deno.writeTextFile(
        `${directory}/qemu-ga.conf`,
        "[general]\nverbose=1\nblock-rpcs=guest-exec,guest-exce,guest-ping\nfsfreeze-hook=/x\n",
      ),
  });
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const list = /^Command guest-exec has been disabled: block-rpcs in .*qemu-ga\.conf lists it$/;
  await assertError(host, ["guest-exec", { path: "true" }], "CommandNotFound", list);
  await assertError(host, ["guest-file-open"], "CommandNotFound", /--block-rpcs lists it/);
  assertEquals(await call(host, "guest-ping"), {});
  assert(Array.isArray(await call(host, "guest-get-vcpus")));
  const { supported_commands: commands } = Object(await call(host, "guest-info"));
  const isEnabled = (name: string) =>
    commands.find((one: { name: string }) => one.name === name).enabled;
  assertEquals(["guest-exec", "guest-file-open", "guest-get-vcpus"].map(isEnabled), [
    false,
    false,
    true,
  ]);
  const warnings = agent.log.filter(({ level }) => level === "warn");
  assertEquals(
    warnings.flatMap(({ problem, keys }) => problem ?? keys).map((text) =>
      String(text).replace(/ in \S+qemu-ga\.conf/, "")
    ),
    [
      'block-rpcs lists "guest-exce", which is not a command',
      "block-rpcs lists guest-ping, which cannot be turned off",
      "fsfreeze-hook",
    ],
  );
});

Deno.test("an agent does not start with a configuration of qemu-ga that it cannot understand", async () => {
  const paths = await makePaths();
  try {
    const conf = `${paths.directory}/qemu-ga.conf`;
    await Deno.writeTextFile(conf, "[general]\nblock-rpcs guest-exec\n");
    const { code, stderr } = await runAgent([
      "--channel",
      `listen:${paths.socket}`,
      ...QGA(paths),
    ]);
    assertEquals(code, 78);
    assertMatch(stderr, /qemu-ga\.conf: line 2: "block-rpcs guest-exec" is neither/);
  } finally {
    await Deno.remove(paths.directory, { recursive: true });
  }
});

Deno.test("a group that is off turns its commands off; a mode of guest-file-open is refused", async () => {
  const agent = await start({ config: () => ({ security: { allow: ["file-read"] } }) });
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  for (const command of ["guest-exec", "guest-get-host-name", "guest-file-write"] as const) {
    await assertError(host, [command, {}], "CommandNotFound", /security\.allow/);
  }
  const parameters = { path: agent.paths.files, mode: "w" };
  await assertError(host, ["guest-file-open", parameters], "GenericError", /group "file-write"/);
});

Deno.test("one program or path that is not allowed is a plain error", async () => {
  const agent = await start({ config: () => ({ security: { command_whitelist: ["true"] } }) });
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  assertEquals(await run(host, { path: "true" }), { exited: true, exitcode: 0 });
  await assertError(host, ["guest-exec", { path: "id" }], "GenericError", /command_whitelist/);
  const env = ["LD_PRELOAD=/tmp/x"];
  await assertError(host, ["guest-exec", { path: "true", env }], "GenericError", /LD_PRELOAD/);
  await assertError(host, ["guest-file-open", { path: "/etc/shadow" }], "GenericError", /outside/);
});

Deno.test("arguments that are wrong are told in QEMU's words", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ["guest-sync", {}, /^Parameter 'id' is missing$/],
    ["guest-sync", { id: "1" }, /64 bits/],
    ["guest-ping", { id: 1 }, /^Parameter 'id' is unexpected$/],
    [
      "guest-exec",
      { path: "true", arg: [1] },
      /^Invalid parameter type for 'arg\[0\]', expected: string$/,
    ],
    ["guest-exec", { path: "true", env: ["A"] }, /'env\[0\]' must be NAME=VALUE/],
    ["guest-exec", { path: "cat", "input-data": "a b=" }, /base64/],
    ["guest-exec", { path: "no-such-program" }, /program not found: "no-such-program"/],
    ["guest-exec", { path: "true", "capture-output": "all" }, /does not accept value 'all'/],
    ["guest-exec-status", { pid: 1 }, /PID 1 does not exist/],
    ["guest-file-open", { path: "x", mode: "q" }, /invalid file open mode 'q'/],
    ["guest-file-read", { handle: 1 }, /handle '1' has not been found/],
    [
      "guest-file-seek",
      { handle: 1, offset: 0, whence: "middle" },
      /does not accept value 'middle'/,
    ],
  ];
  for (const [command, parameters, description] of wrong) {
    await assertError(host, [command, parameters], "GenericError", description);
  }
});

Deno.test("capture-output says which outputs are kept, and merged keeps both in order", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const script = "echo 1; echo 2 >&2; echo 3; echo 4 >&2; cat; exit 5";
  const print = { path: "sh", arg: ["-c", script], "input-data": base64("in"), env: ["PATH=/bin"] };
  const out = { "out-data": base64("1\n3\nin"), "out-truncated": false };
  const err = { "err-data": base64("2\n4\n"), "err-truncated": false };
  const merged = { "out-data": base64("1\n2\n3\n4\nin"), "out-truncated": false };
  const cases: readonly (readonly [string | boolean | undefined, Message])[] = [
    [undefined, {}],
    [false, {}],
    ["none", {}],
    [true, { ...out, ...err }],
    ["separated", { ...out, ...err }],
    ["stdout", out],
    ["stderr", err],
    ["merged", merged],
  ];
  for (const [capture, expected] of cases) {
    const status = await run(host, { ...print, "capture-output": capture });
    assertEquals(status, { exited: true, exitcode: 5, ...expected }, `capture-output: ${capture}`);
  }
  const environment = { path: "/usr/bin/env", env: ["A=1"], "capture-output": "merged" };
  assertEquals((await run(host, environment))["out-data"], base64("A=1\n"));
  const killed = { path: "sh", arg: ["-c", "kill -9 $$"], "capture-output": "merged" };
  assertEquals(await run(host, killed), { exited: true, signal: 9 });
  const missing = { path: "no-such-program", "capture-output": "merged" };
  await assertError(host, ["guest-exec", missing], "GenericError", /program not found/);
});

Deno.test("files are read and written in pieces, at positions, across connections", async () => {
  const agent = await start();
  await using _agent = agent;
  const path = `${agent.paths.files}/f`;
  let handle: unknown;
  {
    const host = await agent.connect();
    await using _host = host;
    handle = await open(host, path, "w+");
    const write = { handle, "buf-b64": "YWJj\nZGVm\n" };
    assertEquals(await call(host, "guest-file-write", write), { count: 6, eof: false });
  }
  const host = await agent.connect();
  await using _host = host;
  const seek = async (offset: number, whence: number | string) =>
    Object(await call(host, "guest-file-seek", { handle, offset, whence })).position;
  assertEquals(await seek(0, "cur"), 6);
  assertEquals(await seek(-2, "end"), 4);
  assertEquals(await call(host, "guest-file-read", { handle, count: 2 }), {
    count: 2,
    "buf-b64": base64("ef"),
    eof: false,
  });
  assertEquals(await call(host, "guest-file-read", { handle }), {
    count: 0,
    "buf-b64": "",
    eof: true,
  });
  assertEquals(await seek(1, 0), 1);
  await call(host, "guest-file-write", { handle, "buf-b64": base64("XYZ"), count: 2 });
  const appending = await open(host, path, "ab");
  await call(host, "guest-file-write", { handle: appending, "buf-b64": base64("g") });
  assertEquals(await Deno.readTextFile(path), "aXYdefg");
  const far = { handle, offset: 0, whence: "set" };
  await host.send(
    JSON.stringify({ execute: "guest-file-seek", arguments: far })
      .replace('"offset":0', '"offset":9223372036854775807'),
  );
  assertMatch(Object(await host.next()).error.desc, /Invalid argument/);
  await assertError(host, ["guest-file-seek", { ...far, offset: -1 }], "GenericError", /Invalid/);
  await assertError(
    host,
    ["guest-file-read", { handle, count: 48 * MB + 1 }],
    "GenericError",
    /count/,
  );
  assertEquals(Object(await call(host, "guest-file-read", { handle, count: 48 * MB })).count, 4);
  assertEquals(await call(host, "guest-file-close", { handle }), {});
  await assertError(host, ["guest-file-close", { handle }], "GenericError", /has not been found/);
});

Deno.test("handles that are never closed are bounded", async () => {
  const agent = await start();
  await using _agent = agent;
  const path = `${agent.paths.files}/f`;
  await Deno.writeTextFile(path, "x");
  const host = await agent.connect();
  await using _host = host;
  let refused = 0;
  for (let count = 0; count < 1100; count++) {
    if ("error" in await ask(host, "guest-file-open", { path })) refused += 1;
  }
  assertEquals(refused, 100);
});

Deno.test("programs that nobody asks about, and one that prints without end, stay bounded", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const print = { path: "head", arg: ["-c", "17825792", "/dev/zero"], "capture-output": true };
  await run(host, print);
  const { now: before } = await residentMb(agent.pid);
  for (let count = 0; count < 10; count++) await call(host, "guest-exec", print);
  for (let count = 0; count < 100; count++) await call(host, "guest-exec", { path: "/bin/true" });
  const status = await run(host, print);
  assertEquals(status["out-truncated"], true);
  const { peak } = await residentMb(agent.pid);
  assert(peak - before < MOST_GROWTH_MB, `grew from ${before} MB to ${peak} MB`);
});

Deno.test("70 MB without an end are one error, and do not fill memory", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  await host.send(`{"execute":"guest-ping","id":"${"x".repeat(MB / 2)}"}`);
  await host.next();
  const { now: before } = await residentMb(agent.pid);
  await host.send('{"execute":"guest-ping","id":"');
  const chunk = new Uint8Array(MB).fill(0x78);
  for (let sent = 0; sent < 70; sent++) await host.send(chunk);
  assertMatch(Object(await host.next()).error.desc, /token size limit/);
  await host.send('{"execute":"guest-ping"}\n');
  assertEquals(await call(host, "guest-sync", { id: 2 }), 2);
  const { peak } = await residentMb(agent.pid);
  assert(peak - before < MOST_GROWTH_MB, `grew from ${before} MB to ${peak} MB`);
});

Deno.test("a file is written in pieces of 1 MiB", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const path = `${agent.paths.files}/f`;
  const handle = await open(host, path, "w");
  const piece = Uint8Array.from({ length: MB }, (_, index) => (index * 31) >> 8);
  const plain = piece.toBase64();
  const { now: before } = await residentMb(agent.pid);
  for (const content of [plain, plain.replace(/.{76}/g, "$&\n"), plain]) {
    const written = await call(host, "guest-file-write", { handle, "buf-b64": content });
    assertEquals(written, { count: MB, eof: false });
  }
  const { peak } = await residentMb(agent.pid);
  assert(peak - before < MOST_GROWTH_MB, `grew from ${before} MB to ${peak} MB`);
  const bytes = await Deno.readFile(path);
  assertEquals(bytes.byteLength, 3 * MB);
  for (let index = 0; index < 3; index++) {
    assertEquals(bytes.subarray(index * MB, (index + 1) * MB), piece);
  }
});

Deno.test("60,000 stray bytes while a command is under way are answered, and do not fill memory", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const stray = new Uint8Array(60_000).fill(0xff);
  const round = async (id: number) => {
    await host.send('{"execute":"guest-get-vcpus"}');
    await host.send(stray);
    await host.send(`{"execute":"guest-sync","arguments":{"id":${id}}}`);
    assert(Array.isArray(Object(await host.next()).return), "the answer to the command is first");
    for (let count = 0; count < stray.byteLength; count++) {
      assertMatch(Object(await host.next()).error.desc, /^JSON parse error, stray/);
    }
    assertEquals(await host.next(), { return: id });
  };
  await round(1);
  const { now: before } = await residentMb(agent.pid);
  await round(2);
  const { peak } = await residentMb(agent.pid);
  assert(peak - before < MOST_GROWTH_MB, `grew from ${before} MB to ${peak} MB`);
});

Deno.test("what follows a command that takes time is done after it, however it is cut", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const exec = '{"execute":"guest-exec","arguments":{"path":"true"}}';
  const text = `${exec}[1,${exec}{"execute":"guest-ping","id":"a"}`;
  const bytes = new TextEncoder().encode(text);
  const end = new TextEncoder().encode(' {"execute":"guest-ping","id":"b"}').with(0, 0xff);
  for (let cut = 1; cut < bytes.byteLength; cut += 7) {
    await host.send(bytes.subarray(0, cut));
    await host.send(bytes.subarray(cut));
    // The array is never closed: 0xFF ends it, and what is in it is never run.
    await host.send(end);
    assertEquals(typeof Object(Object(await host.next()).return).pid, "number");
    assertMatch(Object(await host.next()).error.desc, /stray/);
    assertEquals(await host.next(), { return: {}, id: "b" });
  }
});

Deno.test("bad numbers, names, nesting and ids are one error each, and the next request is understood", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const sync = (id: string) => `{"execute":"guest-sync","arguments":{"id":${id}}}`;
  const wrong: readonly (readonly [string, RegExp])[] = [
    [sync("1e3"), /./],
    [sync("1.0"), /./],
    [sync("9223372036854775808"), /./],
    [`${sync("01")}\xff`, /./],
    ['{"execute":"guest-ping","execute":"guest-ping"}', /duplicate key/],
    ['{"execute":"guest-ping","id":"\\ud800"}', /surrogate/],
    [`{"execute":"guest-ping","id":"${"x".repeat(MB)}"}`, /'id' may have 65536 characters/],
    ['{"execute":"guest-ping","control":1}', /'control' is unexpected/],
    [`${"[".repeat(1025)}\n`, /nesting depth/],
    [`${"[".repeat(100_000)}\n`, /nesting depth/],
    ['{"execute":"guest-file-read","arguments":{"handle":1,"count":-1}}', /has not been found/],
  ];
  for (const [index, [text, description]] of wrong.entries()) {
    await host.send(Uint8Array.from(text, (character) => character.charCodeAt(0)));
    assertMatch(Object(await host.next()).error.desc, description);
    await host.send(Uint8Array.of(0xff));
    await host.send(sync(String(index)));
    let answer: Message;
    do answer = Object(await host.next()); while (answer.error !== undefined);
    assertEquals(answer, { return: index });
  }
  await host.send(sync("-0"));
  assertEquals(await host.next(), { return: 0 });
  const path = `${agent.paths.files}/f`;
  await Deno.writeTextFile(path, "x");
  const handle = await open(host, path);
  for (const count of [-1, 49 * MB]) {
    const parameters = { handle, count };
    await assertError(
      host,
      ["guest-file-read", parameters],
      "GenericError",
      /invalid for argument/,
    );
  }
});
