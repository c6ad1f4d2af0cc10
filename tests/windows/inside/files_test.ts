import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { RpcError } from "../../../lib/base/errors.ts";
import { WindowsFiles } from "../../../lib/platform/windows/files/mod.ts";
import { MAX_UPLOADS } from "../../../lib/platform/uploads.ts";
import { WINDOWS_PATHS } from "../../../lib/platform/windows/paths.ts";
import {
  ACCESS,
  closeHandle,
  DISPOSITION,
  openName,
  SHARE,
} from "../../../lib/platform/windows/files/nt_file.ts";
import { holdDirectory, prove } from "../../../lib/platform/windows/files/real_file.ts";
import { until } from "../../_waiting.ts";
import { namesIn } from "../../lib/_helpers.ts";
import { type AllowedPath, allowPath } from "../../../lib/policy/paths.ts";

const files = new WindowsFiles();
const { signal } = new AbortController();
const NEW = { createDirectories: false, signal } as const;

/** A folder of its own for a test, as an allowed path. */
async function inFolder(
  test: (at: (path?: string) => AllowedPath, folder: string) => Promise<void>,
): Promise<void> {
  const folder = WINDOWS_PATHS.normalize(await Deno.makeTempDir({ dir: "C:\\" }));
  try {
    await test((path) =>
      allowPath(path === undefined ? folder : `${folder}\\${path}`, [folder], {
        list: "allowed_write_paths",
        rules: WINDOWS_PATHS,
      }), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a call is refused with. */
async function refusal(work: () => Promise<unknown>): Promise<RpcError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function read(target: AllowedPath, offset = 0, length = 1000): Promise<string> {
  const file = await files.open(target, { access: "read", signal });
  using _file = file;
  return new TextDecoder().decode((await file.readAt(offset, length, signal)).bytes);
}

Deno.test("a file is read by its handle, in parts and in base64, whatever the case of its path", async () => {
  await inFolder(async (at, folder) => {
    await Deno.writeTextFile(`${folder}\\Übergröße 🚀.txt`, "0123456789");
    assertEquals(await read(at("Übergröße 🚀.txt")), "0123456789");
    assertEquals(await read(at("ÜBERGRÖSSE 🚀.txt".replace("SS", "ß")), 4, 3), "456");
    assertEquals(await read(at("Übergröße 🚀.txt"), 10), "");
    const file = await files.open(at("Übergröße 🚀.txt"), { access: "read", signal });
    using _file = file;
    const piece = await file.readAt(0, 10, signal);
    assertEquals(new TextDecoder().decode(piece.base64().bytes), btoa("0123456789"));
    piece.base64().release();
    assertEquals(file.sizeBytes, 10);
    assert(Math.abs(file.modifiedMs - Date.now()) < 60_000);
  });
});

Deno.test("a large file is written, read and hashed", async () => {
  await inFolder(async (at) => {
    const bytes = new Uint8Array(1_000_003);
    for (let i = 0; i < bytes.length; i++) bytes[i] = i * 7 + (i >> 8);
    const create = { createDirectories: false };
    const file = await files.open(at("big"), { access: "write", create, signal });
    using _file = file;
    await file.writeAt(5, bytes, signal);
    assertEquals((await files.status(at("big"), signal)).sizeBytes, bytes.length + 5);
    assertEquals((await file.readAt(5, bytes.length, signal)).bytes, bytes);
  });
  await inFolder(async (at) => {
    const bytes = new Uint8Array(300_000).fill(1);
    await files.replace(at("big"), bytes, NEW);
    const file = await files.open(at("big"), { access: "read", signal });
    using _file = file;
    const digest = await crypto.subtle.digest("SHA-256", bytes.subarray(10, 200_010));
    assertEquals(await file.sha256(10, 200_000, signal), new Uint8Array(digest).toHex());
    const error = await refusal(() => file.sha256(0, 300_001, signal));
    assertStringIncludes(error.message, "changed while it was being hashed");
  });
});

Deno.test("replacing creates a file, replaces one, and leaves nothing else behind", async () => {
  await inFolder(async (at, folder) => {
    await files.replace(at("a"), bytesOf("first"), NEW);
    await files.replace(at("A"), bytesOf("second"), NEW);
    assertEquals(await read(at("a")), "second");
    await files.replace(at("x\\y\\z"), bytesOf("deep"), { createDirectories: true, signal });
    assertEquals(await read(at("x\\y\\z")), "deep");
    assertEquals(await namesIn(folder), ["a", "x"]);
    assertEquals(await namesIn(`${folder}\\x\\y`), ["z"]);
  });
});

// Windows 10 replaces it on NTFS; Wine and FAT32 cannot.
Deno.test("a file that somebody reads is replaced, or left alone where that cannot be done", async () => {
  await inFolder(async (at, folder) => {
    await files.replace(at("a"), bytesOf("old"), NEW);
    const reader = await files.open(at("a"), { access: "read", signal });
    using _reader = reader;
    const replaced = await files.replace(at("a"), bytesOf("new"), NEW).then(() => true, (error) => {
      assertStringIncludes(error.message, "cannot be replaced");
      return false;
    });
    assertEquals(new TextDecoder().decode((await reader.readAt(0, 9, signal)).bytes), "old");
    assertEquals(await read(at("a")), replaced ? "new" : "old");
    assertEquals(await namesIn(folder), ["a"]);
  });
});

Deno.test("what a killed agent has left is removed by the next write, and nothing else", async () => {
  await inFolder(async (at, folder) => {
    const name = (end: string) => `.kvmmanager-4711-0f8fad5b-d9cb-469f-a165-70867728950${end}`;
    await Deno.writeTextFile(`${folder}\\${name("a")}`, "half of it");
    await Deno.mkdir(`${folder}\\${name("b")}`);
    await Deno.writeTextFile(`${folder}\\.kvmmanager-notes`, "a person's");
    // Its temporary file is there, and open, when the second one sweeps.
    const first = new WindowsFiles().replace(at("one"), new Uint8Array(1_000_000), NEW);
    await new WindowsFiles().replace(at("two"), bytesOf("2"), NEW);
    await first;
    assertEquals(await namesIn(folder), [name("b"), ".kvmmanager-notes", "one", "two"]);
    await Deno.writeTextFile(`${folder}\\${name("c")}`, "half of it");
    const create = { createDirectories: false };
    (await new WindowsFiles().open(at("three"), { access: "write", create, signal }))
      [Symbol.dispose]();
    assertEquals((await namesIn(folder)).includes(name("c")), false);
  });
});

Deno.test("a directory holds a limited number of unfinished uploads", async () => {
  await inFolder(async (at, folder) => {
    for (let i = 0; i < MAX_UPLOADS; i++) {
      await Deno.writeTextFile(`${folder}\\.${i}.kvmmanager-part`, "");
    }
    const open = (name: string) =>
      files.open(at(name), { access: "write", create: { createDirectories: false }, signal });
    const error = await refusal(() => open(".more.kvmmanager-part"));
    assertStringIncludes(error.message, "already has 64 unfinished uploads");
    (await open(".0.kvmmanager-part"))[Symbol.dispose]();
    (await open("other"))[Symbol.dispose]();
  });
});

/** Makes a link and removes it; under Wine a symbolic link of Linux, which is what Wine follows. */
async function withLink(to: string, path: string, test: () => Promise<void>): Promise<void> {
  const prefix = Deno.env.get("WINEPREFIX");
  const onLinux = (one: string) => `${prefix}/dosdevices/c:${one.slice(2).replaceAll("\\", "/")}`;
  const run = (program: string, ...args: readonly string[]) =>
    new Deno.Command(program, { args: [...args], stdout: "null", stderr: "null" }).output();
  const onWine = (...words: readonly string[]) => run("start", "/wait", "/unix", ...words);
  if (prefix === undefined) await run("cmd", "/c", "mklink", "/J", path, to);
  else await onWine("/bin/ln", "-s", onLinux(to), onLinux(path));
  try {
    // A program of Linux may still be at work when Wine says that it is done.
    const [, directory = "", name = ""] = /^(.*)\\(.*)$/.exec(path) ?? [];
    await until(async () => (await namesIn(directory)).includes(name), `the link ${path}`);
    await test();
  } finally {
    if (prefix === undefined) await Deno.remove(path);
    else await onWine("/bin/rm", onLinux(path));
  }
}

Deno.test("no link leads out of an allowed folder, as the last name or in between", async () => {
  await inFolder(async (at, folder) => {
    await Deno.mkdir(`${folder}\\in`);
    await Deno.mkdir(`${folder}\\out`);
    await Deno.writeTextFile(`${folder}\\out\\secret`, "secret");
    await withLink(`${folder}\\out`, `${folder}\\in\\link`, async () => {
      assertEquals(await namesIn(`${folder}\\in`), ["link"]);
      const options = { after: "", limit: 9, signal };
      for (
        const work of [
          () => read(at("in\\link\\secret")),
          () => files.status(at("in\\link"), signal),
          () => files.status(at("in\\link\\secret"), signal),
          () => files.list(at("in\\link"), options),
          () => files.replace(at("in\\link\\new"), bytesOf("x"), NEW),
          () => files.replace(at("in\\link\\secret"), bytesOf("x"), NEW),
          () => files.remove(at("in\\link\\secret"), signal),
          () => files.createDirectory(at("in\\link\\new"), { createDirectories: true, signal }),
          () => files.removeDirectory(at("in\\link"), { maxEntries: 10, signal }),
          () => files.rename(at("in\\link\\secret"), { to: at("in\\x"), replace: true, signal }),
        ]
      ) {
        assertEquals((await refusal(work)).kind, "permissionDenied");
      }
      assertEquals((await files.list(at("in"), options)).entries.map(({ type }) => type), [
        "symlink",
      ]);
      assertEquals(await namesIn(`${folder}\\out`), ["secret"]);
      assertEquals(await read(at("out\\secret")), "secret");
    });
  });
});

/**
 * Swaps two directories, at once; returns whether it could be done. Windows refuses while one is
 * held open, Wine does not.
 */
function swapped(one: string, other: string): boolean {
  try {
    Deno.renameSync(one, `${one}-old`);
  } catch {
    return false;
  }
  Deno.renameSync(other, one);
  return true;
}

const isEmpty = (directory: string) => Deno.readDirSync(directory).next().done;

Deno.test("a directory that is swapped while its file is read or written changes nothing", async () => {
  await inFolder(async (at, folder) => {
    await Deno.mkdir(`${folder}\\in`);
    await Deno.mkdir(`${folder}\\out`);
    await Deno.writeTextFile(`${folder}\\in\\a`, "inside");
    await Deno.writeTextFile(`${folder}\\out\\a`, "secret");
    const file = await files.open(at("in\\a"), { access: "write", signal });
    using _file = file;
    swapped(`${folder}\\in`, `${folder}\\out`);
    const { bytes } = await file.readAt(0, 10, signal);
    assertEquals(new TextDecoder().decode(bytes), "inside");
    await file.writeAt(0, bytesOf("INSIDE"), signal);
    const out = await Deno.readTextFile(`${folder}\\out\\a`).catch(() => read(at("in\\a")));
    assertEquals(out, "secret");
  });
});

Deno.test("a file is replaced in the directory that was checked, not in one that took its place", async () => {
  await inFolder(async (at, folder) => {
    await Deno.mkdir(`${folder}\\in`);
    await Deno.mkdir(`${folder}\\out`);
    const replacing = files.replace(at("in\\a"), new Uint8Array(1_000_000), NEW)
      .catch((error: unknown) => assert(error instanceof RpcError, String(error)));
    // Until its temporary file is there, within the same turn of the event loop.
    for (let i = 0; i < 100 && isEmpty(`${folder}\\in`); i++) await Promise.resolve();
    assert(!isEmpty(`${folder}\\in`));
    const isSwapped = swapped(`${folder}\\in`, `${folder}\\out`);
    await replacing;
    assertEquals(await namesIn(`${folder}\\${isSwapped ? "in" : "out"}`), []);
  });
});

Deno.test("a name that becomes a link between the check of its directory and its opening is refused", async () => {
  await inFolder(async (at, folder) => {
    await Deno.mkdir(`${folder}\\in`);
    await Deno.mkdir(`${folder}\\out`);
    await Deno.writeTextFile(`${folder}\\out\\secret`, "secret");
    const { path, root } = at("in");
    const directory = holdDirectory(path, root);
    using _directory = directory;
    await withLink(`${folder}\\out`, `${folder}\\in\\link`, () => {
      const open = {
        access: ACCESS.LIST,
        share: SHARE.ALL,
        disposition: DISPOSITION.OPEN,
        kind: 0,
      };
      const link = openName(directory.handle, "link", open);
      try {
        assertThrows(() => prove(link, `${path}\\link`), RpcError);
      } finally {
        closeHandle(link);
      }
      return Promise.resolve();
    });
  });
});

Deno.test("nothing is replaced if it is a directory, or its directory is missing", async () => {
  await inFolder(async (at, folder) => {
    await Deno.mkdir(`${folder}\\d`);
    let error = await refusal(() => files.replace(at("d"), bytesOf("x"), NEW));
    assertStringIncludes(error.message, "is a directory, not a regular file");
    error = await refusal(() => files.replace(at("missing\\a"), bytesOf("x"), NEW));
    assertEquals([error.kind, error.message.includes("set create_dirs")], ["notFound", true]);
    assertEquals(await namesIn(folder), ["d"]);
  });
});

Deno.test("the content of a file is read-only if nobody may write it", async () => {
  await inFolder(async (at) => {
    await files.replace(at("a"), bytesOf("x"), { ...NEW, mode: 0o444 });
    assertEquals((await files.status(at("a"), signal)).mode, 0o444);
    await files.replace(at("a"), bytesOf("y"), NEW);
    assertEquals((await files.status(at("a"), signal)).mode, 0o444);
    await files.replace(at("a"), bytesOf("z"), { ...NEW, mode: 0o600 });
    assertEquals((await files.status(at("a"), signal)).mode, 0o666);
    assertEquals(await read(at("a")), "z");
  });
});

Deno.test("a file is committed if its size and its SHA-256 match, and left alone otherwise", async () => {
  await inFolder(async (at) => {
    await files.replace(at("part"), bytesOf("new"), NEW);
    await files.replace(at("a"), bytesOf("old"), NEW);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytesOf("new"))).toHex();
    const commit = (sizeBytes: number, sha256: string) =>
      files.commit(at("a"), { from: at("part"), sizeBytes, sha256, signal });
    assertStringIncludes((await refusal(() => commit(4, digest))).message, "has 3 bytes, not 4");
    assertStringIncludes(
      (await refusal(() => commit(3, "0".repeat(64)))).message,
      "does not match",
    );
    assertEquals([await read(at("a")), await read(at("part"))], ["old", "new"]);
    await commit(3, digest);
    assertEquals(await read(at("a")), "new");
    assertEquals((await refusal(() => read(at("part")))).kind, "notFound");
  });
});

Deno.test("a directory is listed in pages, in the order of names", async () => {
  await inFolder(async (at, folder) => {
    const names = Array.from({ length: 700 }, (_, i) => `file ${String(i).padStart(3, "0")}`);
    for (const name of names) await Deno.writeTextFile(`${folder}\\${name}`, name);
    await Deno.mkdir(`${folder}\\directory`);
    const found: string[] = [];
    for (let after = "", following = 1; following > 0;) {
      const page = await files.list(at(), { after, limit: 300, signal });
      found.push(...page.entries.map(({ name }) => name));
      following = page.following;
      after = page.last ?? after;
    }
    assertEquals(found, ["directory", ...names]);
    const { entries: [directory, file] } = await files.list(at(), { after: "", limit: 2, signal });
    assertEquals([directory?.type, directory?.sizeBytes], ["directory", 0]);
    assertEquals([file?.type, file?.sizeBytes, file?.mode], ["file", 8, 0o666]);
    assertEquals(
      (await refusal(() => files.list(at("file 000"), { after: "", limit: 1, signal })))
        .message.includes("is not a directory"),
      true,
    );
  });
});

Deno.test("entries are created, renamed and removed", async () => {
  await inFolder(async (at, folder) => {
    const make = { createDirectories: false, signal };
    assertEquals(await files.createDirectory(at("d"), make), true);
    assertEquals(await files.createDirectory(at("D"), make), false);
    await files.replace(at("a"), bytesOf("a"), NEW);
    await files.replace(at("b"), bytesOf("b"), NEW);
    const error = await refusal(() =>
      files.rename(at("a"), { to: at("b"), replace: false, signal })
    );
    assertStringIncludes(error.message, "exists already");
    await files.rename(at("a"), { to: at("b"), replace: true, signal });
    assertEquals(await read(at("b")), "a");
    await files.rename(at("b"), { to: at("d\\c"), replace: false, signal });
    await files.rename(at("d"), { to: at("e"), replace: false, signal });
    assertEquals(await read(at("e\\c")), "a");
    assertEquals((await refusal(() => files.remove(at("e"), signal))).data.is_directory, true);
    assertStringIncludes(
      (await refusal(() => files.removeDirectory(at("e"), { maxEntries: 1, signal }))).message,
      "is not empty",
    );
    await files.remove(at("e\\c"), signal);
    assertEquals(await files.removeDirectory(at("e"), { maxEntries: 1, signal }), 1);
    assertEquals(await namesIn(folder), []);
    for (const path of ["x", "x\\y"]) {
      assertEquals((await refusal(() => files.remove(at(path), signal))).kind, "notFound");
    }
  });
});

Deno.test("a tree is removed as a whole, or not at all if it is too large", async () => {
  await inFolder(async (at, folder) => {
    await Deno.mkdir(`${folder}\\t\\u\\v`, { recursive: true });
    for (let i = 0; i < 100; i++) await Deno.writeTextFile(`${folder}\\t\\u\\${i}`, "");
    const error = await refusal(() => files.removeDirectory(at("t"), { maxEntries: 102, signal }));
    assertStringIncludes(error.message, "holds more than 102 entries");
    assertEquals((await namesIn(`${folder}\\t\\u`)).length, 101);
    assertEquals(await files.removeDirectory(at("t"), { maxEntries: 103, signal }), 103);
    assertEquals(await namesIn(folder), []);
  });
});

Deno.test("200 answers leave no handle behind", async () => {
  await inFolder(async (at) => {
    await files.replace(at("a"), bytesOf("x"), NEW);
    const before = await openHandles();
    for (let i = 0; i < 100; i++) {
      await files.status(at("a"), signal);
      await files.status(at("missing\\b"), signal).catch(() => {});
    }
    assert(await openHandles() - before < 20);
  });
});

/** How many handles this process has open. */
async function openHandles(): Promise<number> {
  const { kernel32 } = await import("../../../lib/platform/windows/ffi/kernel32.ts");
  // A new handle has the lowest free number.
  const event = kernel32.CreateEventW(null, 1, 0, null);
  const number = Deno.UnsafePointer.value(event);
  kernel32.CloseHandle(event);
  return Number(number) / 4;
}
