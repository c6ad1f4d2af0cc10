/**
 * file_read and file_write from end to end: whole, in pieces, atomically, and on a full disk.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { TestAgent } from "./_agent.ts";
import { assertRefused, errorOf, type Host } from "./_host.ts";
import { tinyDisk } from "./_tiny_disk.ts";
import { COMMAND_FAILED, INVALID_PARAMS, NOT_FOUND } from "../_error_codes.ts";

const MB = 1024 * 1024;

const Read = z.strictObject({
  content: z.string(),
  size_bytes: z.int(),
  encoding: z.enum(["utf8", "base64"]),
});
const Piece = z.strictObject({
  ...Read.shape,
  offset: z.int(),
  bytes_read: z.int(),
  eof: z.boolean(),
});
const Written = z.strictObject({ bytes_written: z.int(), path: z.string() });

const write = (host: Host, params: Record<string, unknown>) =>
  host.call("file_write", params, Written);

const modeOf = async (path: string) => ((await Deno.lstat(path)).mode ?? 0) & 0o7777;

const namesIn = async (directory: string) =>
  (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();

/** Reads a file like a host, piece by piece, to its end. */
async function readInPieces(
  host: Host,
  params: Record<string, unknown>,
): Promise<{ pieces: z.output<typeof Piece>[]; text: string; bytes: Uint8Array }> {
  const pieces: z.output<typeof Piece>[] = [];
  for (let offset = 0;;) {
    const piece = await host.call("file_read", { ...params, offset }, Piece);
    assertEquals(piece.offset, offset);
    pieces.push(piece);
    offset += piece.bytes_read;
    if (piece.eof) break;
    assert(piece.bytes_read > 0, "each piece gets on");
  }
  const parts = pieces.map(({ content, encoding }) =>
    encoding === "base64" ? Uint8Array.fromBase64(content) : new TextEncoder().encode(content)
  );
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return { pieces, text: pieces.map(({ content }) => content).join(""), bytes };
}

Deno.test("file_read", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { files } = agent.paths;
  const path = `${files}/f`;

  await t.step("returns a whole file as text or as exact bytes", async () => {
    const text = "\ufeffline\r\n\0tab\té€😀\u2028end";
    await Deno.writeTextFile(path, text);
    const size_bytes = new TextEncoder().encode(text).byteLength;
    assertEquals(await host.call("file_read", { path }, Read), {
      content: text,
      size_bytes,
      encoding: "utf8",
    });
    assertEquals(await host.call("file_read", { path, encoding: "base64" }, Read), {
      content: new TextEncoder().encode(text).toBase64(),
      size_bytes,
      encoding: "base64",
    });
  });
  await t.step("refuses a file that is not UTF-8 with -32000 and suggests base64", async () => {
    const bytes = new Uint8Array([0x61, 0xff, 0x62]);
    await Deno.writeFile(path, bytes);
    for (const params of [{ path }, { path, offset: 0 }, { path, offset: 1, length: 1 }]) {
      assertRefused(await host.request("file_read", params), COMMAND_FAILED, /base64/);
    }
    const exact = await host.call("file_read", { path, encoding: "base64" }, Read);
    assertEquals(Uint8Array.fromBase64(exact.content), bytes);
    const text = await host.call("file_read", { path, offset: 0, length: 1 }, Piece);
    assertEquals([text.content, text.eof], ["a", false]);
  });
  await t.step("does not treat a file that ends within a character as text", async () => {
    await Deno.writeFile(path, new Uint8Array([0x61, 0xe2, 0x82]));
    assertRefused(await host.request("file_read", { path }), COMMAND_FAILED, /base64/);
    const start = await host.call("file_read", { path, offset: 0, length: 1 }, Piece);
    assertEquals(start.content, "a");
    const rest = { path, offset: 1 };
    assertRefused(await host.request("file_read", rest), COMMAND_FAILED, /base64/);
  });
  await t.step("reads text in pieces that end with whole characters", async () => {
    const text = "aé€😀".repeat(500);
    await Deno.writeTextFile(path, text);
    const size = new TextEncoder().encode(text).byteLength;
    for (const length of [4, 5, 7, 1000, 1_000_000]) {
      const { pieces, text: joined } = await readInPieces(host, { path, length });
      assertEquals(joined, text);
      assert(pieces.every((piece) => piece.size_bytes === size && piece.bytes_read <= length));
      assertEquals(pieces.filter(({ eof }) => eof).length, 1);
    }
  });
  await t.step("suggests base64 if a piece is shorter than its character", async () => {
    await Deno.writeTextFile(path, "😀");
    for (const length of [1, 2, 3]) {
      const answer = await host.request("file_read", { path, offset: 0, length });
      assertRefused(answer, COMMAND_FAILED, /base64/);
    }
    const whole = await host.call("file_read", { path, offset: 0, length: 4 }, Piece);
    assertEquals([whole.content, whole.bytes_read, whole.eof], ["😀", 4, true]);
  });
  await t.step("reads bytes in pieces of any length", async () => {
    const bytes = new Uint8Array(5000);
    crypto.getRandomValues(bytes);
    await Deno.writeFile(path, bytes);
    for (const length of [1, 999, 2500, 4999, 5000, 5001]) {
      const from = length === 1 ? 4990 : 0;
      for (let offset = from; offset < bytes.byteLength; offset += length) {
        const params = { path, offset, length, encoding: "base64" };
        const piece = await host.call("file_read", params, Piece);
        assertEquals(Uint8Array.fromBase64(piece.content), bytes.slice(offset, offset + length));
        assertEquals(piece.eof, offset + length >= bytes.byteLength);
      }
    }
  });
  await t.step("reads nothing at and beyond the end, with eof", async () => {
    await Deno.writeTextFile(path, "12345");
    for (const offset of [5, 6, 1e9, Number.MAX_SAFE_INTEGER]) {
      const piece = await host.call("file_read", { path, offset, length: 10 }, Piece);
      assertEquals([piece.content, piece.bytes_read, piece.eof, piece.offset], [
        "",
        0,
        true,
        offset,
      ]);
    }
  });
  await t.step("accepts a length that fits no memory", async () => {
    const params = { path, offset: 0, length: Number.MAX_SAFE_INTEGER };
    const piece = await host.call("file_read", params, Piece);
    assertEquals([piece.content, piece.eof], ["12345", true]);
  });
  await t.step(
    "refuses a file too large for one message with its size and how to read it in pieces",
    async () => {
      const text = "x".repeat(200_000);
      await Deno.writeTextFile(path, text);
      for (const encoding of ["utf8", "base64"]) {
        const answer = await host.request("file_read", { path, encoding });
        const { data } = assertRefused(answer, COMMAND_FAILED, /200000 bytes.*offset and length/);
        assertEquals(data.size_bytes, 200_000);
        assert(typeof data.limit_bytes === "number" && data.limit_bytes < 64 * 1024);
        // The number in the message must work.
        const params = { path, encoding, offset: 0, length: data.limit_bytes };
        const piece = await host.call("file_read", params, Piece);
        assertEquals(piece.bytes_read, data.limit_bytes);
        assert(host.lastLine.length <= 64 * 1024);
      }
    },
  );
  await t.step("reads a large file in as few messages as its limit allows", async () => {
    const bytes = new Uint8Array(400_000);
    for (let at = 0; at < bytes.byteLength; at += 40_000) {
      crypto.getRandomValues(bytes.subarray(at, at + 40_000));
    }
    await Deno.writeFile(path, bytes);
    const exact = await readInPieces(host, { path, encoding: "base64" });
    assertEquals(exact.bytes, bytes);
    assert(exact.pieces.length <= 9, `${exact.pieces.length} messages`);
    await Deno.writeTextFile(path, '\u0001"€'.repeat(40_000));
    const text = await readInPieces(host, { path });
    assertEquals(text.text, '\u0001"€'.repeat(40_000));
  });
  await t.step("refuses a file over max_file_size_mb, also in pieces", async () => {
    await Deno.truncate(path, 10 * MB);
    const piece = await host.call("file_read", { path, offset: 0, length: 1 }, Piece);
    assertEquals(piece.size_bytes, 10 * MB);
    await Deno.truncate(path, 10 * MB + 1);
    for (const params of [{ path }, { path, offset: 0, length: 1 }]) {
      const answer = await host.request("file_read", params);
      const { data } = assertRefused(answer, COMMAND_FAILED, /max_file_size_mb allows 10 MiB/);
      assertEquals(data.size_bytes, 10 * MB + 1);
    }
  });
  await t.step("reports a missing file with -32002", async () => {
    assertRefused(await host.request("file_read", { path: `${files}/none` }), NOT_FOUND, /none/);
    const path = `${files}/no/such/directory`;
    assertRefused(await host.request("file_read", { path }), NOT_FOUND, /No such file/);
  });
});

Deno.test("file_write", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { files } = agent.paths;

  await t.step("creates a new file with 0644, whatever the agent's umask", async () => {
    const path = `${files}/new`;
    assertEquals(await write(host, { path, content: "é" }), { bytes_written: 2, path });
    assertEquals([await Deno.readTextFile(path), await modeOf(path)], ["é", 0o644]);
  });
  await t.step("gives a file the requested permissions", async () => {
    for (
      const permissions of ["0640", "640", "0600", "0777", "0666", "0444", "0000", "0111", "700"]
    ) {
      const path = `${files}/mode-${permissions}`;
      await write(host, { path, content: "x", permissions });
      assertEquals(await modeOf(path), Number.parseInt(permissions, 8), permissions);
      await write(host, { path, content: "y", permissions: "0604" });
      assertEquals(await modeOf(path), 0o604, `${permissions} replaced by 0604`);
    }
  });
  await t.step("gives a file created for pieces the requested permissions", async () => {
    for (const permissions of ["0640", "0777", "0600"]) {
      const path = `${files}/piece-${permissions}`;
      await write(host, { path, content: "x", permissions, offset: 0 });
      assertEquals(await modeOf(path), Number.parseInt(permissions, 8), permissions);
    }
  });
  for (
    const permissions of [
      "4755",
      "1777",
      "02755",
      "999",
      "0888",
      "rw-",
      "rw-r--r--",
      "",
      "64",
      "00644",
      "0o644",
      "-644",
      "6 44",
      "0644 ",
    ]
  ) {
    await t.step(
      `refuses the permissions ${JSON.stringify(permissions)}, and writes nothing`,
      async () => {
        const path = `${files}/refused`;
        const answer = await host.request("file_write", { path, content: "x", permissions });
        assertRefused(
          answer,
          INVALID_PARAMS,
          /^permissions must be three or four octal digits up to 0777/,
        );
        assert(!(await namesIn(files)).includes("refused"));
        await host.ping();
      },
    );
  }
  await t.step("refuses permissions that are not a string", async () => {
    for (const permissions of [644, 0o644, null, true, ["0644"]]) {
      const params = { path: `${files}/refused`, content: "x", permissions };
      assertRefused(await host.request("file_write", params), INVALID_PARAMS, /^permissions must/);
    }
  });
  for (const content of ["%", "a", "ab=c", "YQ", "YQ=", "Y Q = =%", "-_-_", "é", "YQ==YQ=="]) {
    await t.step(`refuses what is not base64: ${content}`, async () => {
      const path = `${files}/base64`;
      const params = { path, content, encoding: "base64" };
      const answer = await host.request("file_write", params);
      if ("result" in answer) {
        // Missing padding is the only thing that a decoder may leave to the caller.
        assert(/^[A-Za-z0-9+/]+=?$/.test(content), `${content} was taken`);
        assertEquals(await Deno.readTextFile(path), atob(content));
        await Deno.remove(path);
      } else {
        assertRefused(answer, INVALID_PARAMS, /^content is not base64/);
        assert(!(await namesIn(files)).includes("base64"));
      }
      await host.ping();
    });
  }
  await t.step("writes bytes exactly with base64", async () => {
    const path = `${files}/bytes`;
    const bytes = new Uint8Array(30_000);
    crypto.getRandomValues(bytes);
    const content = bytes.toBase64();
    const written = await write(host, { path, content, encoding: "base64" });
    assertEquals(written.bytes_written, bytes.byteLength);
    assertEquals(await Deno.readFile(path), bytes);
  });
  await t.step(
    "replaces a file atomically: a process that has the old one open keeps its contents",
    async () => {
      const path = `${files}/atomic`;
      await Deno.writeTextFile(path, "old content");
      await Deno.link(path, `${files}/hard-link`);
      using old = await Deno.open(path);
      await write(host, { path, content: "new" });
      assertEquals(await Deno.readTextFile(path), "new");
      assertEquals(await Deno.readTextFile(`${files}/hard-link`), "old content");
      assertEquals(await new Response(old.readable).text(), "old content");
    },
  );
  await t.step("keeps the mode of a file that it replaces", async () => {
    const path = `${files}/kept`;
    for (const mode of [0o600, 0o755, 0o444, 0o000, 0o666]) {
      await Deno.writeTextFile(path, "old");
      await Deno.chmod(path, mode);
      await write(host, { path, content: "new" });
      assertEquals(await modeOf(path), mode);
      await Deno.chmod(path, 0o600);
      assertEquals(await Deno.readTextFile(path), "new");
      await Deno.remove(path);
    }
  });
  await t.step("does not preserve setuid, setgid or the sticky bit", async () => {
    const path = `${files}/setuid`;
    await Deno.writeTextFile(path, "old");
    await Deno.chmod(path, 0o6755);
    await write(host, { path, content: "new" });
    assertEquals(await modeOf(path), 0o755);
  });
  await t.step("creates missing directories only with create_dirs, with 0755", async () => {
    const path = `${files}/a/b/c/f`;
    const answer = await host.request("file_write", { path, content: "x" });
    assertRefused(answer, NOT_FOUND, /directory .* does not exist; set create_dirs to create it/);
    assert(!(await namesIn(files)).includes("a"));
    await write(host, { path, content: "x", create_dirs: true });
    assertEquals(await Deno.readTextFile(path), "x");
    for (const directory of ["a", "a/b", "a/b/c"]) {
      assertEquals(await modeOf(`${files}/${directory}`), 0o755);
    }
    await write(host, { path: `${files}/a/b/other/f`, content: "x", create_dirs: true, offset: 0 });
    await write(host, { path, content: "y", create_dirs: true });
    assertEquals(await Deno.readTextFile(path), "y");
  });
  await t.step("writes pieces in place, in any order, and leaves the rest", async () => {
    const path = `${files}/pieces`;
    await write(host, { path, content: "world", offset: 6 });
    assertEquals(await Deno.readTextFile(path), "\0\0\0\0\0\0world");
    await write(host, { path, content: "hello ", offset: 0 });
    assertEquals(await Deno.readTextFile(path), "hello world");
    await write(host, { path, content: "WORLD!", offset: 6 });
    await write(host, { path, content: "", offset: 3 });
    assertEquals(await Deno.readTextFile(path), "hello WORLD!");
  });
  await t.step("keeps the file that it writes a piece into: inode, mode and links", async () => {
    const path = `${files}/in-place`;
    await Deno.writeTextFile(path, "12345", { mode: 0o640 });
    await Deno.chmod(path, 0o640);
    await Deno.link(path, `${files}/in-place-too`);
    await write(host, { path, content: "X", offset: 2 });
    assertEquals(await Deno.readTextFile(`${files}/in-place-too`), "12X45");
    assertEquals(await modeOf(path), 0o640);
  });
  await t.step("copies a megabyte in pieces without changing it", async () => {
    const bytes = new Uint8Array(MB);
    for (let at = 0; at < MB; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    const path = `${files}/copied`;
    const step = 45_000;
    for (let offset = 0; offset < MB; offset += step) {
      const content = bytes.subarray(offset, offset + step).toBase64();
      await write(host, { path, content, encoding: "base64", offset });
    }
    assertEquals(await Deno.readFile(path), bytes);
  });
  await t.step("does not let files grow over max_file_size_mb", async () => {
    const path = `${files}/size`;
    await write(host, { path, content: "x", offset: 10 * MB - 1 });
    for (const offset of [10 * MB, 10 * MB - 1, Number.MAX_SAFE_INTEGER]) {
      const answer = await host.request("file_write", { path, content: "xx", offset });
      assertRefused(answer, COMMAND_FAILED, /max_file_size_mb allows 10 MiB/);
    }
    assertEquals((await Deno.stat(path)).size, 10 * MB);
  });
  await t.step("refuses to replace a directory, and leaves no temporary file", async () => {
    const answer = await host.request("file_write", { path: `${files}/a`, content: "x" });
    assertRefused(answer, COMMAND_FAILED, /is a directory/);
    assertEquals((await namesIn(files)).filter((name) => name.startsWith(".")), []);
    assertEquals(await namesIn(`${files}/a/b/c`), ["f"]);
  });
  await t.step("of many at once to one file leaves one of them, whole", async () => {
    const path = `${files}/contended`;
    const contents = Array.from({ length: 40 }, (_, index) => `${index} `.repeat(2000));
    const ids = await Promise.all(
      contents.map((content) => host.start("file_write", { path, content })),
    );
    for (const id of ids) assert("result" in await host.answerTo(id));
    assert(contents.includes(await Deno.readTextFile(path)), "one of them, whole");
    assertEquals((await namesIn(files)).filter((name) => name.startsWith(".")), []);
  });
});

Deno.test("files up to a larger max_file_size_mb are served", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ max_message_size_kb: 16_384, security: { max_file_size_mb: 20 } }),
  });
  await using host = await agent.connect();
  const path = `${agent.paths.files}/large`;
  const content = "0123456789abcdef".repeat(MB / 2);
  await write(host, { path, content });
  const { size_bytes } = await host.call("file_read", { path }, Read);
  assertEquals(size_bytes, 8 * MB);
});

/** Writes that fail for lack of space, and an old file that must survive them. */
async function assertOldFileSurvives(
  agent: TestAgent,
  host: Host,
  { path, reason, tooMuch }: { path: string; reason: RegExp; tooMuch: number },
): Promise<void> {
  await write(host, { path, content: "the old file", permissions: "0640" });
  const content = "x".repeat(tooMuch);
  for (
    const params of [
      { path, content },
      { path, content, permissions: "0777", create_dirs: true },
      { path: `${path}-new`, content },
    ]
  ) {
    assertRefused(await host.request("file_write", params), COMMAND_FAILED, reason);
    await host.ping();
  }
  const { content: old } = await host.call("file_read", { path }, Read);
  assertEquals(old, "the old file");
  const listed = await host.call(
    "exec_command",
    { command: "ls", args: ["-lA", path.replace(/\/[^/]*$/, "")] },
    z.looseObject({ stdout: z.string() }),
  );
  const lines = listed.stdout.trim().split("\n").slice(1);
  assertEquals(lines.length, 1, `the old file and nothing else: ${listed.stdout}`);
  assert(lines[0]?.startsWith("-rw-r-----"), listed.stdout);
  assertEquals(agent.log.filter(({ level }) => level === "error"), []);
}

Deno.test("a file size limit of the kernel gives -32000 and leaves the old file intact", async () => {
  const blocks = 2048; // of 512 bytes: 1 MB
  await using agent = await TestAgent.start({
    config: () => ({ max_message_size_kb: 8192 }),
    wrapper: () => ["sh", "-c", `trap "" XFSZ; ulimit -f ${blocks}; exec "$0" "$@"`],
  });
  await using host = await agent.connect();
  await assertOldFileSurvives(agent, host, {
    path: `${agent.paths.files}/f`,
    reason: /too large|os error 27/i,
    tooMuch: 3 * MB,
  });
  const params = { path: `${agent.paths.files}/f`, content: "x", offset: 2 * MB };
  assertEquals(errorOf(await host.request("file_write", params)).code, COMMAND_FAILED);
});

Deno.test("a full disk gives -32000 and leaves the old file intact", async () => {
  const wrapper = await tinyDisk();
  // If nothing can be mounted, only the test above runs.
  if (wrapper === undefined) return;
  await using agent = await TestAgent.start({
    config: () => ({ max_message_size_kb: 1024 }),
    wrapper,
  });
  await using host = await agent.connect();
  await assertOldFileSurvives(agent, host, {
    path: `${agent.paths.files}/f`,
    reason: /No space left|os error 28/,
    tooMuch: 200_000,
  });
  // Not even a directory fits any more, once every page is used.
  const fill = { command: "sh", args: ["-c", `cat /dev/zero > ${agent.paths.files}/zero`] };
  await host.request("exec_command", fill);
  const params = { path: `${agent.paths.files}/f`, content: "new", offset: 100_000 };
  assertRefused(await host.request("file_write", params), COMMAND_FAILED, /No space left|os error/);
  const { content } = await host.call("file_read", { path: `${agent.paths.files}/f` }, Read);
  assertEquals(content.startsWith("the old file"), true);
});

Deno.test("a read-only file system is refused without harming the agent", async () => {
  const wrapper = await tinyDisk({ options: "ro" });
  if (wrapper === undefined) return;
  await using agent = await TestAgent.start({ wrapper });
  await using host = await agent.connect();
  for (const offset of [undefined, 0]) {
    const params = { path: `${agent.paths.files}/f`, content: "x", offset };
    const { data } = assertRefused(
      await host.request("file_write", params),
      COMMAND_FAILED,
      /read-only/i,
    );
    assert(!/ext:|\.ts/.test(data.reason));
  }
  await host.ping();
});
