/**
 * Pieces of a file, read and written while the file and its path change: each piece belongs to what
 * the path names at that moment, or is refused.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { type Paths, TestAgent } from "./_agent.ts";
import { assertRefused, type Host, resultOf } from "./_host.ts";
import { until } from "../_waiting.ts";
import { COMMAND_FAILED, NOT_FOUND, PERMISSION_DENIED } from "../_error_codes.ts";

const Piece = z.looseObject({ content: z.string(), size_bytes: z.int(), eof: z.boolean() });

/** The text of a piece of ten bytes. */
const read = async (host: Host, path: string, offset: number) =>
  (await host.call("file_read", { path, offset, length: 10 }, Piece)).content;

const write = (host: Host, path: string, offset: number, content: string) =>
  host.call("file_write", { path, offset, content }, z.looseObject({}));

/** What a test gets; its agent keeps no file of another test open. */
interface Between extends Paths {
  readonly agent: TestAgent;
  readonly host: Host;
  /** Makes a file of three pieces; the first has been read and written. */
  begin(name?: string): Promise<string>;
}

function test(name: string, work: (between: Between) => Promise<void>): void {
  Deno.test(`a piece between two others ${name}`, async () => {
    await using agent = await TestAgent.start();
    await using host = await agent.connect();
    const begin = async (name = "f") => {
      const path = `${agent.paths.files}/${name}`;
      await Deno.writeTextFile(path, "aaaaaaaaaabbbbbbbbbbcccccccccc");
      assertEquals(await read(host, path, 0), "aaaaaaaaaa");
      await write(host, path, 0, "A");
      return path;
    };
    await work({ ...agent.paths, agent, host, begin });
  });
}

test(
  "has what another process has just written over it",
  async ({ host, begin }) => {
    const path = await begin();
    using file = await Deno.open(path, { write: true });
    await file.seek(10, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode("BBBBBBBBBB"));
    assertEquals(await read(host, path, 10), "BBBBBBBBBB");
  },
);

test(
  "has what the host has just written over it, every time",
  async ({ host, begin }) => {
    const path = await begin();
    for (let round = 0; round < 1000; round++) {
      const content = String(round).padStart(10, "0");
      // Without a pause in between: no clock can distinguish the two states of the file.
      const ids = ["read 0", "write 10", "read 10"].map((name) => `${name} ${round}`);
      const line = (id: string | undefined, method: string, params: unknown) =>
        `${JSON.stringify({ jsonrpc: "2.0", method, params, id })}\n`;
      await host.send(line(ids[0], "file_read", { path, offset: 0, length: 10 }));
      await host.answerTo(ids[0]);
      await host.send(line(ids[1], "file_write", { path, offset: 10, content }));
      await host.answerTo(ids[1]);
      await host.send(line(ids[2], "file_read", { path, offset: 10, length: 10 }));
      const piece = resultOf(await host.answerTo(ids[2]), Piece);
      assertEquals(piece.content, content, `round ${round}`);
    }
  },
);

test(
  "belongs to the new file after another process replaced the old one",
  async ({ host, begin }) => {
    const path = await begin();
    await Deno.writeTextFile(`${path}.new`, "1111111111222222222233333333334");
    await Deno.rename(`${path}.new`, path);
    assertEquals(await read(host, path, 10), "2222222222");
    await write(host, path, 10, "W");
    assertEquals(await Deno.readTextFile(path), "1111111111W22222222233333333334");
  },
);

test(
  "belongs to the new file after the host replaced the old one",
  async ({ host, begin }) => {
    const path = await begin();
    const params = { path, content: "1111111111222222222233333333334" };
    await host.call("file_write", params, z.looseObject({}));
    assertEquals(await read(host, path, 10), "2222222222");
    await write(host, path, 10, "W");
    assertEquals(await Deno.readTextFile(path), "1111111111W22222222233333333334");
  },
);

test(
  "is refused after the file was removed",
  async ({ host, begin }) => {
    const path = await begin();
    await Deno.remove(path);
    const params = { path, offset: 10, length: 10 };
    assertRefused(await host.request("file_read", params), NOT_FOUND, /No such file/);
  },
);

test(
  "creates the file again if it was removed and is written to",
  async ({ host, begin }) => {
    const path = await begin();
    await Deno.remove(path);
    await write(host, path, 2, "W");
    assertEquals(await Deno.readTextFile(path), "\0\0W");
  },
);

test(
  "is refused after the file became a link, to another or to itself",
  async ({ host, directory, begin }) => {
    for (const kind of ["outside", "itself"]) {
      const path = await begin(kind);
      const target = kind === "itself" ? `${path}.moved` : `${directory}/secret`;
      if (kind === "itself") await Deno.rename(path, target);
      else {
        await Deno.writeTextFile(target, "secret".repeat(10));
        await Deno.remove(path);
      }
      await Deno.symlink(target, path);
      const before = await Deno.readTextFile(target);
      const piece = { path, offset: 10, length: 10 };
      assertRefused(await host.request("file_read", piece), PERMISSION_DENIED, /symbolic link/);
      const params = { path, offset: 10, content: "W" };
      assertRefused(await host.request("file_write", params), PERMISSION_DENIED, /symbolic link/);
      assertEquals(await Deno.readTextFile(target), before);
    }
  },
);

test(
  "is refused after its directory became a link to outside",
  async ({ host, directory, files }) => {
    const path = `${files}/d/f`;
    await Deno.mkdir(`${files}/d`);
    await Deno.mkdir(`${directory}/outside`);
    await Deno.writeTextFile(path, "a".repeat(30));
    await Deno.writeTextFile(`${directory}/outside/f`, "secret".repeat(5));
    assertEquals(await read(host, path, 0), "aaaaaaaaaa");
    await write(host, path, 0, "A");
    await Deno.rename(`${files}/d`, `${files}/moved`);
    await Deno.symlink(`${directory}/outside`, `${files}/d`);
    const piece = { path, offset: 10, length: 10 };
    assertRefused(await host.request("file_read", piece), PERMISSION_DENIED, /symbolic link/);
    const params = { path, offset: 10, content: "W" };
    assertRefused(await host.request("file_write", params), PERMISSION_DENIED, /symbolic link/);
    assertEquals(await Deno.readTextFile(`${directory}/outside/f`), "secret".repeat(5));
  },
);

test(
  "is refused after the file became a directory or a FIFO",
  async ({ host, begin }) => {
    const path = await begin();
    await Deno.remove(path);
    await Deno.mkdir(path);
    const piece = { path, offset: 10, length: 10 };
    assertRefused(await host.request("file_read", piece), COMMAND_FAILED, /is a directory/);
    await Deno.remove(path);
    assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    assertRefused(await host.request("file_read", piece), COMMAND_FAILED, /is a FIFO/);
    const params = { path, offset: 10, content: "W" };
    assertRefused(await host.request("file_write", params), COMMAND_FAILED, /is a FIFO/);
  },
);

test(
  "ends at the new end of a file that was truncated or has grown",
  async ({ host, begin }) => {
    const path = await begin();
    await Deno.truncate(path, 15);
    const cut = await host.call("file_read", { path, offset: 10, length: 10 }, Piece);
    assertEquals([cut.content, cut.size_bytes, cut.eof], ["bbbbb", 15, true]);
    await Deno.writeTextFile(path, "d".repeat(20), { append: true });
    const grown = await host.call("file_read", { path, offset: 10, length: 10 }, Piece);
    assertEquals([grown.content, grown.size_bytes, grown.eof], ["bbbbbddddd", 35, false]);
  },
);

test(
  "of other files at the same time is not mixed up with them",
  async ({ host, files }) => {
    const paths = Array.from({ length: 12 }, (_, index) => `${files}/many${index}`);
    for (const [index, path] of paths.entries()) {
      await Deno.writeTextFile(path, String.fromCharCode(97 + index).repeat(100));
    }
    for (let offset = 0; offset < 100; offset += 10) {
      const pieces = await Promise.all(paths.map((path) => read(host, path, offset)));
      for (const [index, piece] of pieces.entries()) {
        assertEquals(piece, String.fromCharCode(97 + index).repeat(10));
      }
    }
  },
);

test(
  "of the same file at the same time, in any order, is correct",
  async ({ host, files }) => {
    const path = `${files}/same`;
    const text = Array.from({ length: 100 }, (_, index) => String(index).padStart(10, "0"));
    await Deno.writeTextFile(path, text.join(""));
    const order = text.map((_, index) => index * 37 % 100);
    const pieces = await Promise.all(order.map((index) => read(host, path, index * 10)));
    for (const [at, index] of order.entries()) assertEquals(pieces[at], text[index]);
  },
);

test(
  "is closed when no further piece is requested",
  async ({ agent, files, begin }) => {
    const isOneOpen = async () => {
      for await (const { name } of Deno.readDir(`/proc/${agent.pid}/fd`)) {
        const target = await Deno.readLink(`/proc/${agent.pid}/fd/${name}`).catch(() => "");
        if (target.startsWith(files)) return true;
      }
      return false;
    };
    await begin();
    await until(async () => !(await isOneOpen()), "the files to be closed", 10_000);
  },
);

/** Random bytes in a file: each piece shows where it was read. */
async function randomFile(path: string, size: number): Promise<Uint8Array> {
  const bytes = crypto.getRandomValues(new Uint8Array(size));
  await Deno.writeFile(path, bytes);
  return bytes;
}

const params = (path: string, offset: number, length: number) => ({
  path,
  encoding: "base64",
  offset,
  length,
});

/** Requests all pieces before waiting for answers, and compares each with the file's bytes. */
async function assertPieces(
  host: Host,
  asked: readonly { path: string; bytes: Uint8Array; offset: number; length: number }[],
): Promise<void> {
  const ids: string[] = [];
  for (const { path, offset, length } of asked) {
    ids.push(await host.start("file_read", params(path, offset, length)));
  }
  for (const [index, { path, bytes, offset, length }] of asked.entries()) {
    const { content } = resultOf(await host.answerTo(ids[index]), Piece);
    assertEquals(
      Uint8Array.fromBase64(content),
      bytes.slice(offset, offset + length),
      `${path} from ${offset}, ${length} bytes`,
    );
  }
}

Deno.test("pieces in base64", async (t) => {
  await using agent = await TestAgent.start({
    config: () => ({ max_requests_per_second: 10_000 }),
  });
  await using host = await agent.connect();
  const path = `${agent.paths.files}/large`;
  const bytes = await randomFile(path, 60_000);
  const at = (offset: number, length: number) => ({ path, bytes, offset, length });
  // Old enough for its pieces to be read ahead.
  await Deno.utime(path, 1, 1);

  await t.step("in sequence, each has the file's bytes", async () => {
    for (let offset = 0; offset < bytes.byteLength; offset += 7000) {
      await assertPieces(host, [at(offset, 7000)]);
    }
  });

  await t.step("requested at once, each has the right bytes", async () => {
    const offsets = Array.from({ length: 40 }, (_, index) => (index * 17_001) % 59_000);
    await assertPieces(host, offsets.map((offset) => at(offset, 20_000)));
  });

  await t.step("of different lengths", async () => {
    for (const [offset, length] of [[0, 9000], [9000, 3], [9003, 40_000], [49_003, 1], [0, 1]]) {
      await assertPieces(host, [at(offset ?? 0, length ?? 0)]);
    }
  });

  await t.step("of more files at once than are kept open", async () => {
    const files = await Promise.all(Array.from({ length: 7 }, async (_, index) => {
      const name = `${agent.paths.files}/${index}`;
      return { path: name, bytes: await randomFile(name, 9000), offset: 0, length: 3000 };
    }));
    for (const offset of [0, 3000, 6000]) {
      await assertPieces(host, files.map((file) => ({ ...file, offset })));
    }
  });

  await t.step("in a batch", async () => {
    const requests = [0, 6000, 12_000].map((offset) => ({
      jsonrpc: "2.0",
      id: offset,
      method: "file_read",
      params: params(path, offset, 6000),
    }));
    await host.send(`${JSON.stringify(requests)}\n`);
    const answers = z.parse(
      z.array(z.looseObject({ id: z.int(), result: Piece })),
      await host.take(Array.isArray, "the answer of a batch"),
    );
    assertEquals(answers.map(({ id }) => id).sort((a, b) => a - b), [0, 6000, 12_000]);
    for (const { id, result } of answers) {
      assertEquals(Uint8Array.fromBase64(result.content), bytes.slice(id, id + 6000));
    }
  });
});
