/**
 * The cases of QEMU's own test of its agent (tests/unit/test-qga.c), before a confined agent.
 *
 * Two of them are elsewhere: lists of commands, in which ours keeps guest-ping on, in qga_test.ts; and
 * `--dump-conf`, which ours does not have.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { TestAgent } from "./_agent.ts";
import type { Host } from "./_host.ts";
import { until } from "../_waiting.ts";

const HELLO = "Hello World!\n\0";

const start = () =>
  TestAgent.start({
    args: ({ directory }) => ["--dialect", "qga", "--qemu-ga-conf", `${directory}/none.conf`],
  });

/** Sends a request as QEMU's test writes it, in single quotes; returns the whole answer. */
async function ask(host: Host, command: string, parameters = "{}") {
  await host.send(`{'execute': '${command}', 'arguments': ${parameters}}`);
  return Object(await host.next());
}

async function call(host: Host, command: string, parameters?: string) {
  const answer = await ask(host, command, parameters);
  assert("return" in answer, JSON.stringify(answer));
  return answer.return;
}

/** Runs a program and polls for its end. */
async function run(host: Host, parameters: string) {
  const { pid } = await call(host, "guest-exec", parameters);
  let status = Object();
  await until(
    async () => (status = await call(host, "guest-exec-status", `{'pid': ${pid}}`)).exited,
    () => `the end of ${pid}`,
  );
  return status;
}

Deno.test("QEMU's cases: synchronization, ids and what is refused", async () => {
  const agent = await start();
  await using _agent = agent;
  const connection = await Deno.connect({ transport: "unix", path: agent.paths.socket });
  {
    using _connection = connection;
    const request = "\xff{'execute': 'guest-sync-delimited', 'arguments': {'id': 4294967295 } }";
    await connection.write(Uint8Array.from(request, (character) => character.charCodeAt(0)));
    const seen: number[] = [];
    const buffer = new Uint8Array(4096);
    // Garbage first: an error about the byte that is not JSON.
    while (!(seen.includes(0xff) && seen.at(-1) === 0x0a)) {
      const count = await connection.read(buffer);
      assert(count !== null);
      seen.push(...buffer.subarray(0, count));
    }
    const answer = String.fromCharCode(...seen.slice(seen.indexOf(0xff) + 1));
    assertEquals(JSON.parse(answer), { return: 4294967295 });
  }
  const host = await agent.connect();
  await using _host = host;
  assertEquals(await call(host, "guest-sync", "{'id': 77}"), 77);
  assertEquals(await call(host, "guest-ping"), {});
  await host.send("{'execute': 'guest-ping', 'id': 1}");
  assertEquals(await host.next(), { return: {}, id: 1 });
  await host.send("{'exec-oob': 'guest-ping'}");
  assertEquals(Object(await host.next()).error.class, "GenericError");
  assertEquals((await ask(host, "guest-ping", "{'foo': 42}")).error, {
    class: "GenericError",
    desc: "Parameter 'foo' is unexpected",
  });
  const { error } = await ask(host, "guest-invalid-cmd");
  assertEquals(error.class, "CommandNotFound");
  assert(error.desc.length > 0);
});

Deno.test("QEMU's cases: facts have the members that it looks for", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const members: readonly (readonly [string, readonly string[]])[] = [
    ["guest-info", ["version", "supported_commands"]],
    ["guest-get-load", ["load1m", "load5m", "load15m"]],
    ["guest-get-host-name", ["host-name"]],
    ["guest-get-osinfo", ["kernel-release", "kernel-version", "machine", "id", "pretty-name"]],
  ];
  for (const [command, names] of members) {
    const value = await call(host, command);
    for (const name of names) assert(name in value, `${command}: ${name}`);
  }
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ["guest-get-vcpus", ["online", "logical-id"]],
    ["guest-get-fsinfo", ["name", "mountpoint", "type", "disk"]],
    ["guest-network-get-interfaces", ["name"]],
  ];
  for (const [command, names] of lists) {
    for (const entry of await call(host, command)) {
      for (const name of names) assert(name in entry, `${command}: ${name}`);
    }
  }
  // A machine without blocks of memory says so.
  const blocks = await ask(host, "guest-get-memory-blocks");
  for (const block of blocks.return ?? []) assert("phys-index" in block && "online" in block);
  const { return: size, error } = await ask(host, "guest-get-memory-block-info");
  assert(error?.class === "GenericError" || size.size > 0);
  assert(await call(host, "guest-get-time") > 0);
  assertEquals(await call(host, "guest-fsfreeze-status"), "thawed");
});

Deno.test("QEMU's cases: files are written, read, and sought in", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const path = `${agent.paths.files}/foo`;
  const content = btoa(HELLO);
  const open = (mode: string) =>
    call(host, "guest-file-open", `{'path': '${path}', 'mode': '${mode}'}`);
  const read = (handle: number) => call(host, "guest-file-read", `{'handle': ${handle}}`);
  const seek = (handle: number, offset: number) =>
    call(host, "guest-file-seek", `{'handle': ${handle}, 'offset': ${offset}, 'whence': 'set'}`);
  const end = { count: 0, eof: true, "buf-b64": "" };

  const writing = await open("w+");
  const write = `{'handle': ${writing}, 'buf-b64': '${content}'}`;
  assertEquals(await call(host, "guest-file-write", write), { count: HELLO.length, eof: false });
  assertEquals(await read(writing), end);
  assertEquals(await seek(writing, 0), { position: 0, eof: false });
  assertEquals(await read(writing), { count: HELLO.length, eof: true, "buf-b64": content });
  await call(host, "guest-file-flush", `{'handle': ${writing}}`);
  await call(host, "guest-file-close", `{'handle': ${writing}}`);
  assertEquals(await Deno.readTextFile(path), HELLO);

  const reading = await open("r");
  assertEquals(await read(reading), { count: HELLO.length, eof: true, "buf-b64": content });
  assertEquals(await read(reading), end);
  assertEquals(await seek(reading, 6), { position: 6, eof: false });
  const rest = HELLO.slice(6);
  assertEquals(await read(reading), { count: rest.length, eof: true, "buf-b64": btoa(rest) });
  await call(host, "guest-file-close", `{'handle': ${reading}}`);
});

Deno.test("QEMU's cases: programs run, and their outputs are kept apart or merged", async () => {
  const agent = await start();
  await using _agent = agent;
  const host = await agent.connect();
  await using _host = host;
  const echo = `{'path': '/bin/echo', 'arg': ['-n', '\\" test_str \\"'], 'capture-output': true}`;
  const { exitcode, "out-data": printed } = await run(host, echo);
  assertEquals([exitcode, atob(printed)], [0, '" test_str "']);

  const script =
    "for i in 1 2 3 4; do if [ $i = 2 ]; then echo stderr >&2; else echo stdout; fi; done";
  const shell = (how: string) =>
    run(host, `{'path': '/bin/sh', 'arg': ['-c', '${script}'], 'capture-output': '${how}'}`);
  const apart = await shell("separated");
  assertEquals(atob(apart["out-data"]), "stdout\nstdout\nstdout\n");
  assertEquals(atob(apart["err-data"]), "stderr\n");
  const merged = await shell("merged");
  assertEquals(atob(merged["out-data"]), "stdout\nstderr\nstdout\nstdout\n");
  assertEquals(merged["err-data"], undefined);

  for (
    const [command, parameters] of [
      ["guest-exec", "{'path': '/bin/invalid-cmd42'}"],
      ["guest-exec-status", "{'pid': 0}"],
    ] as const
  ) assertEquals((await ask(host, command, parameters)).error.class, "GenericError");
});
