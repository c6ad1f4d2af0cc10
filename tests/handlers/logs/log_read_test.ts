import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { logRead } from "../../../handlers/logs/log_read.ts";
import { assertRefused, resultOf } from "../../agent/_host.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { Served } from "../_served.ts";

const Result = z.looseObject({
  lines: z.array(z.string()),
  cursor: z.string(),
  continued: z.optional(z.boolean()),
  cut: z.optional(z.boolean()),
  gap: z.optional(z.looseObject({ reason: z.string() })),
});

const append = (path: string, text: string) => Deno.writeTextFile(path, text, { append: true });

Deno.test("log_read returns the last lines, and from the cursor on what follows", async () => {
  await using served = await Served.start(logRead);
  const path = `${served.files}/app.log`;
  await append(path, "one\ntwo\nthree\n");
  const { lines, cursor } = await served.call({ path, lines: 2 }, Result);
  assertEquals(lines, ["two", "three"]);
  await append(path, "four\n");
  assertEquals((await served.call({ path, cursor }, Result)).lines, ["four"]);
  // The same cursor again: nothing is kept for a reader.
  assertEquals((await served.call({ path, cursor }, Result)).lines, ["four"]);
});

Deno.test("log_read waits for a line, and answers when it comes or the time is over", async () => {
  await using served = await Served.start(logRead);
  const path = `${served.files}/app.log`;
  await append(path, "one\n");
  const { cursor } = await served.call({ path }, Result);
  const empty = await served.call({ path, cursor, wait_seconds: 1 }, Result);
  assertEquals([empty.lines, empty.cursor], [[], cursor]);
  const id = await served.host.start("log_read", { path, cursor, wait_seconds: 60 });
  await served.host.ping();
  await append(path, "two\n");
  assertEquals(resultOf(await served.host.answerTo(id), Result).lines, ["two"]);
});

Deno.test("log_read that waits answers empty when the agent stops", async () => {
  await using served = await Served.start(logRead);
  const path = `${served.files}/app.log`;
  await append(path, "one\n");
  const { cursor } = await served.call({ path }, Result);
  const id = await served.host.start("log_read", { path, cursor, wait_seconds: 60 });
  await served.host.ping();
  served.agent.kill("SIGTERM");
  const answer = resultOf(await served.host.answerTo(id), Result);
  assertEquals([answer.lines, answer.cursor], [[], cursor]);
});

Deno.test("log_read loses no line while hosts come and go, the log rotates and the agent restarts", async () => {
  const lines: string[] = [];
  let written = 0;
  let cursor: string | undefined;
  let agent = await TestAgent.start();
  const path = `${agent.paths.files}/app.log`;
  const write = async (count: number) => {
    let text = "";
    for (let i = 0; i < count; i++) text += `line ${++written}\n`;
    await append(path, text);
  };
  await write(1);
  try {
    for (let round = 0; round < 10; round++) {
      // A host that is killed in the middle of a waiting read.
      {
        await using gone = await agent.connect();
        if (cursor !== undefined) await gone.start("log_read", { path, cursor, wait_seconds: 60 });
        await gone.ping();
      }
      await write(500);
      const now = Date.now() / 1000;
      await Deno.utime(path, now - 10, now - 10);
      for (let n = round; n >= 1; n--) await Deno.rename(`${path}.${n}`, `${path}.${n + 1}`);
      await Deno.rename(path, `${path}.1`);
      await write(10);
      if (round === 5) {
        agent.kill("SIGKILL");
        await agent.ended();
        agent = await TestAgent.start({ paths: agent.paths });
      }
      await using host = await agent.connect();
      for (;;) {
        const params = cursor === undefined ? { path: `${path}.1`, lines: 1000 } : { path, cursor };
        const read = resultOf(await host.request("log_read", params), Result);
        assertEquals(read.gap, undefined);
        lines.push(...read.lines);
        // The first file is read by its own name, and followed by the log's.
        if (cursor === undefined) {
          const first = resultOf(await host.request("log_read", { path, lines: 10 }), Result);
          lines.push(...first.lines);
          cursor = first.cursor;
        } else {
          cursor = read.cursor;
          if (read.lines.length === 0) break;
        }
      }
    }
    assertEquals(lines, Array.from({ length: written }, (_, i) => `line ${i + 1}`));
  } finally {
    await agent[Symbol.asyncDispose]();
  }
});

Deno.test("log_read returns a line of 10 MB in pieces that fit messages", async () => {
  await using served = await Served.start(logRead);
  const path = `${served.files}/app.log`;
  const line = "é".repeat(5_000_000);
  await append(path, `${line}\nlast\n`);
  let read = await served.call({ path, lines: 2 }, Result);
  let text = "";
  for (; read.cut; read = await served.call({ path, cursor: read.cursor }, Result)) {
    text += read.lines[0];
    assert(served.host.lastLine.length <= 64 * 1024);
  }
  text += read.lines[0];
  assertEquals([text === line, read.continued, read.lines[1]], [true, true, "last"]);
});

Deno.test("log_read refuses with the right code:", async (t) => {
  await using served = await Served.start(logRead, {
    config: () => ({ security: { allow: ["see", "file-read"] } }),
  });
  const path = `${served.files}/app.log`;
  await append(path, "one\n");
  const { cursor } = await served.call({ path }, Result);
  await Deno.mkdir(`${served.files}/directory`);
  await Deno.symlink("/etc/passwd", `${served.files}/link`);
  await Deno.writeFile(`${served.files}/binary`, Uint8Array.of(0, 1, 2));
  assert((await new Deno.Command("mkfifo", { args: [`${served.files}/fifo`] }).output()).success);
  const at = (name: string) => ({ path: `${served.files}/${name}` });
  const cases: Readonly<Record<string, readonly [number, Record<string, unknown>, RegExp?]>> = {
    "no log": [-32602, {}, /exactly one of path, unit and kernel/],
    "two logs": [-32602, { path, kernel: true }],
    "kernel: false": [-32602, { kernel: false }],
    "since for a file": [-32602, { path, since: 1 }],
    "a negative wait": [-32602, { path, cursor, wait_seconds: -1 }],
    "a wait of 1e9": [-32602, { path, cursor, wait_seconds: 1e9 }],
    "a wait of half a second": [-32602, { path, cursor, wait_seconds: 0.5 }],
    "too many lines": [-32602, { path, lines: 5001 }],
    "negative lines": [-32602, { path, lines: -1 }],
    "a cursor of garbage": [-32602, { path, cursor: "garbage" }],
    "a cursor of garbage, waiting": [-32602, { path, cursor: "garbage", wait_seconds: 5 }],
    "a cursor of another path": [-32602, { ...at("binary"), cursor }],
    "a negative cursor": [-32602, { path, cursor: "-1" }],
    "a unit named -x": [-32602, { unit: "-x" }],
    "a unit named ../x": [-32602, { unit: "../x" }],
    "a unit named *": [-32602, { unit: "*" }],
    "outside the policy": [-32001, { path: "/etc/shadow" }, /outside allowed_read_paths/],
    "outside the policy, waiting": [-32001, { path: "/etc/shadow", cursor, wait_seconds: 5 }],
    "a directory": [-32000, at("directory"), /is a directory/],
    "a FIFO": [-32000, at("fifo"), /not a regular file/],
    "a link": [-32001, at("link"), /symbolic link/],
    "a binary file": [-32000, at("binary"), /is a binary file/],
    "a missing file": [-32002, at("missing")],
  };
  for (const [name, [code, params, reason]] of Object.entries(cases)) {
    await t.step(name, async () => {
      assertRefused(await served.answer(params), code, reason ?? /./);
    });
  }
});

Deno.test("log_read needs the group file-read for a path", async () => {
  await using served = await Served.start(logRead, {
    config: () => ({ security: { allow: ["see"] } }),
  });
  const answer = await served.answer({ path: `${served.files}/a` });
  assertRefused(answer, -32001, /needs the group "file-read"/);
});

Deno.test("log_read refuses the 33rd waiting call of a host, and still answers others", async () => {
  await using served = await Served.start(logRead);
  const path = `${served.files}/app.log`;
  await append(path, "one\n");
  const { cursor } = await served.call({ path }, Result);
  const params = { path, cursor, wait_seconds: 60 };
  const ids: string[] = [];
  for (let i = 0; i < 32; i++) ids.push(await served.host.start("log_read", params));
  assertRefused(await served.host.request("log_read", params), -32004, /already waiting/);
  await served.host.ping();
  await append(path, "two\n");
  for (const id of ids) {
    assertEquals(resultOf(await served.host.answerTo(id), Result).lines, ["two"]);
  }
});
