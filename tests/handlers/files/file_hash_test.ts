import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { fileHash } from "../../../handlers/files/file_hash.ts";
import { assertRefused, errorOf } from "../../agent/_host.ts";
import { until } from "../../_waiting.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

const MB = 1024 * 1024;

const Result = z.strictObject({
  path: z.string(),
  sha256: z.string(),
  size_bytes: z.int(),
  offset: z.int(),
  bytes_hashed: z.int(),
});

const sha256Of = async (path: string) => (await tool("sha256sum", path)).slice(0, 64);

Deno.test("file_hash agrees with sha256sum for any size", async () => {
  await using served = await Served.start(fileHash);
  const path = `${served.files}/f`;
  for (const size of [0, 1, 65_535, 65_536, 65_537, 3 * MB + 1]) {
    await Deno.writeFile(path, new Uint8Array(size).map((_, index) => index * 31));
    assertEquals(await served.call({ path }, Result), {
      path,
      sha256: await sha256Of(path),
      size_bytes: size,
      offset: 0,
      bytes_hashed: size,
    });
  }
});

Deno.test("file_hash hashes a part, up to the end of the file", async () => {
  await using served = await Served.start(fileHash);
  const path = `${served.files}/f`;
  await Deno.writeFile(path, crypto.getRandomValues(new Uint8Array(10_000)));
  for (
    const [offset, length, expected] of [
      [0, 10_000, 10_000],
      [1234, 567, 567],
      [9_000, 5_000, 1_000],
      [10_000, 5, 0],
      [2 ** 53 - 1, 5, 0],
      [0, 0, 0],
    ] as const
  ) {
    const { sha256, bytes_hashed } = await served.call({ path, offset, length }, Result);
    const part = `tail -c +${offset + 1} ${path} | head -c ${expected} | sha256sum`;
    assertEquals(bytes_hashed, expected);
    assertEquals(sha256, (await tool("sh", "-c", part)).slice(0, 64));
  }
});

Deno.test("file_hash of a large file takes little memory and does not delay pings", async () => {
  await using served = await Served.start(fileHash, {
    config: () => ({ security: { max_file_size_mb: 1024 } }),
  });
  const path = `${served.files}/large`;
  await Deno.writeTextFile(path, "");
  await Deno.truncate(path, 256 * MB);
  const hashing = served.call({ path }, Result);
  for (let i = 0; i < 20; i++) await served.host.ping(5000);
  const { sha256, bytes_hashed } = await hashing;
  assertEquals([sha256, bytes_hashed], [await sha256Of(path), 256 * MB]);
  const status = await Deno.readTextFile(`/proc/${served.agent.pid}/status`);
  const peakKb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
  // From source and with a JIT compiler it exceeds the budget anyway; the file would still show.
  assert(peakKb < 200 * 1024, `${peakKb} KiB`);
});

Deno.test("file_hash reports the time limit and stops", async () => {
  await using served = await Served.start(fileHash, {
    config: () => ({
      request_timeout_seconds: 1,
      security: { max_file_size_mb: 1024 },
    }),
  });
  const path = `${served.files}/large`;
  await Deno.writeTextFile(path, "");
  await Deno.truncate(path, 1024 * MB);
  // Four at once, so that none finishes within a second on any machine.
  const answers = await Promise.all(Array.from({ length: 8 }, () => served.answer({ path })));
  for (const answer of answers) assertRefused(answer, -32003, /timed out after 1 s/);
  const children = `/proc/${served.agent.pid}/task/${served.agent.pid}/children`;
  await until(async () => await Deno.readTextFile(children) === "", "the children's end");
});

Deno.test("file_hash refuses a file that is written to meanwhile", async () => {
  await using served = await Served.start(fileHash, {
    config: () => ({ security: { max_file_size_mb: 1024 } }),
  });
  const path = `${served.files}/growing`;
  await Deno.writeTextFile(path, "");
  await Deno.truncate(path, 256 * MB);
  const hashing = served.answer({ path });
  let isDone = false;
  void hashing.finally(() => isDone = true);
  while (!isDone) await Deno.writeTextFile(path, "x", { append: true });
  const { code, data } = errorOf(await hashing);
  assertEquals(code, -32000);
  assertMatch(data.reason, /changed while it was being hashed/);
});

Deno.test("file_hash refuses what file_read refuses", async () => {
  await using served = await Served.start(fileHash, {
    config: () => ({ security: { max_file_size_mb: 1 } }),
  });
  const { files } = served;
  await Deno.symlink("/etc/passwd", `${files}/link`);
  await tool("mkfifo", `${files}/fifo`);
  await Deno.writeTextFile(`${files}/large`, "");
  await Deno.truncate(`${files}/large`, MB + 1);
  for (
    const [params, code, reason] of [
      [{ path: `${files}/link` }, -32001, /symbolic link/],
      [{ path: "/etc/passwd" }, -32001, /outside allowed_read_paths/],
      [{ path: `${files}/none` }, -32002, /No such file/],
      [{ path: files }, -32000, /is a directory/],
      [{ path: `${files}/fifo` }, -32000, /is a FIFO/],
      [{ path: `${files}/large` }, -32000, /max_file_size_mb allows 1 MiB/],
      [{ path: `${files}/large`, offset: -1 }, -32602, /offset/],
      [{ path: `${files}/large`, length: 1.5 }, -32602, /length/],
    ] as const
  ) {
    assertRefused(await served.answer(params), code, reason);
  }
});
