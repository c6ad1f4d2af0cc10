import { assert, assertEquals } from "@std/assert";
import { jobRead } from "../../../handlers/jobs/job_read.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { errorOf } from "../../agent/_host.ts";
import { NOT_FOUND } from "../../_error_codes.ts";
import { readAll, readJob, script, startJob, statusOf } from "../../agent/_jobs.ts";

Deno.test("job_read cuts no character, and replaces what is not UTF-8", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("one", "printf 'abc\\303\\244\\377\\342\\202'"));
  await statusOf(host, "one", 10);
  const read = (max_bytes: number, cursor?: string) =>
    host.call("job_read", { job_id: "one", max_bytes, cursor }, jobRead.result);
  const first = await read(4);
  assertEquals([first.output, first.eof], [[{ stream: "stdout", data: "abc" }], false]);
  const second = await read(4, first.cursor);
  assertEquals([second.offset, second.output[0]?.data], [3, "ä\ufffd"]);
  const rest = await read(100, second.cursor);
  assertEquals([rest.output[0]?.data, rest.eof], ["\ufffd", true]);
});

Deno.test("job_read fits the smallest message, whatever the output is", async () => {
  await using agent = await TestAgent.start({ config: () => ({ max_message_size_kb: 1 }) });
  await using host = await agent.connect();
  const code = "for i in $(seq 300); do printf '\\001\\377'; printf '\\002' >&2; done";
  await startJob(host, script("one", code));
  await statusOf(host, "one", 10);
  for (const encoding of ["utf8", "base64"]) {
    let cursor: string | undefined;
    for (let total = 0, eof = false; !eof;) {
      const read = await host.call("job_read", { job_id: "one", cursor, encoding }, jobRead.result);
      assertEquals([read.offset, read.lost_bytes], [total, 0]);
      ({ cursor, eof } = read);
      total = Number(cursor.split(".")[1]);
      if (eof) assertEquals(total, 900);
    }
  }
});

const numbers = (last: number) =>
  Array.from({ length: last }, (_, index) => `${index + 1}\n`).join("");

const BASE64 = { job_id: "one", encoding: "base64" };

Deno.test("job_read in base64 returns every byte once, also to two that read in turn", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("one", "seq 60000; seq 40000 >&2; seq 7"));
  await statusOf(host, "one", 10);
  const expected = { stdout: numbers(60_000) + numbers(7), stderr: numbers(40_000), tty: "" };
  const both = await Promise.all([readAll(host, BASE64), readAll(host, BASE64)]);
  for (const { text, lost } of [await readAll(host, BASE64), ...both]) {
    // Not assertEquals(), which would print a megabyte.
    assert(text.stdout === expected.stdout && text.stderr === expected.stderr && lost === 0);
  }
});

Deno.test("job_read in base64 reads a cursor again, and with other limits, after reading on", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("one", "seq 60000"));
  await statusOf(host, "one", 10);
  const read = async (cursor: string | undefined, max_bytes?: number) => {
    const params = { ...BASE64, cursor, max_bytes };
    const piece = await host.call("job_read", params, jobRead.result);
    return { ...piece, text: atob(piece.output[0]?.data ?? "") };
  };
  const first = await read(undefined);
  const second = await read(first.cursor);
  const third = await read(second.cursor);
  const expected = numbers(60_000);
  for (const { text, offset } of [first, second, third]) {
    assert(text.length > 40_000 && expected.startsWith(text, offset));
  }
  assert(expected.startsWith((await read(first.cursor)).text, second.offset));
  const next = third.offset + third.text.length;
  assertEquals(
    (await read(third.cursor, 10)).text,
    expected.slice(next, next + 10),
  );
  assert(expected.startsWith((await read(second.cursor)).text, third.offset));
});

Deno.test("job_read in base64 returns as much as each call allows, whatever the call before did", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("one", "seq 10000"));
  await statusOf(host, "one", 10);
  const sizes: number[] = [];
  let cursor: string | undefined;
  for (const max_bytes of [4, 4, 4, 100, 7, 7, 5000, 100, 100, undefined]) {
    const read = await readJob(host, { ...BASE64, cursor, max_bytes });
    cursor = read.cursor;
    sizes.push(Uint8Array.fromBase64(read.output[0]?.data ?? "").byteLength);
  }
  const rest = numbers(10_000).length - 5326;
  assertEquals(sizes, [4, 4, 4, 100, 7, 7, 5000, 100, 100, rest]);
});

Deno.test("job_read in base64 of a job that is forgotten meanwhile is refused", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("one", "seq 60000"));
  await statusOf(host, "one", 10);
  let cursor: string | undefined;
  for (let count = 0; count < 3; count++) ({ cursor } = await readJob(host, { ...BASE64, cursor }));
  await host.request("job_forget", { job_id: "one" });
  assertEquals(errorOf(await host.request("job_read", { ...BASE64, cursor })).code, NOT_FOUND);
});

Deno.test("job_read in base64 follows a job that prints while it is read", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const code = "seq 20000; read line; seq 20000; read line";
  await startJob(host, script("one", code, { keep_input_open: true }));
  const once = numbers(20_000);
  const first = await readAll(host, BASE64, (text) => text.length >= once.length);
  assert(first.text.stdout === once);
  await host.request("job_write", { job_id: "one", data: "\n" });
  const { cursor } = first;
  const second = await readAll(host, { ...BASE64, cursor }, (text) => text.length >= once.length);
  assert(second.text.stdout === once);
  await host.request("job_write", { job_id: "one", data: "\n" });
  const last = await readAll(host, { ...BASE64, cursor: second.cursor });
  assertEquals([last.text.stdout, last.end.state], ["", "ended"]);
});
