/**
 * One file with several names, and several files with similar names: hard links, bind mounts,
 * sticky directories, case and Unicode, as docs/security.md describes them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { type Paths, TestAgent } from "./_agent.ts";
import { assertRefused, type Host } from "./_host.ts";
import { within } from "../_waiting.ts";
import { COMMAND_FAILED, NOT_FOUND, PERMISSION_DENIED } from "../_error_codes.ts";

const Read = z.looseObject({ content: z.string() });
const Written = z.strictObject({ bytes_written: z.int(), path: z.string() });

const read = async (host: Host, path: string) =>
  (await host.call("file_read", { path }, Read)).content;

const write = (host: Host, path: string, more: Record<string, unknown> = {}) =>
  host.call("file_write", { path, content: "new", ...more }, Written);

Deno.test("a hard link is the file itself: replacing it changes one name, writing into it all of them", async () => {
  await using agent = await TestAgent.start({
    prepare: async ({ directory, files }) => {
      await Deno.writeTextFile(`${directory}/outside`, "outside");
      await Deno.link(`${directory}/outside`, `${files}/inside`);
      await Deno.link(`${directory}/outside`, `${files}/other`);
    },
  });
  await using host = await agent.connect();
  const { directory, files } = agent.paths;
  assertEquals(await read(host, `${files}/inside`), "outside");
  await write(host, `${files}/inside`);
  assertEquals(
    await Deno.readTextFile(`${directory}/outside`),
    "outside",
    "only the name refers to a new file",
  );
  await write(host, `${files}/other`, { offset: 0 });
  assertEquals(await Deno.readTextFile(`${directory}/outside`), "newside", "the very same file");
});

/** Mounts a directory from outside onto one inside, if the test may mount. */
async function bindMount(): Promise<((paths: Paths) => string[]) | undefined> {
  const directory = await Deno.makeTempDir();
  try {
    const { success } = await new Deno.Command("unshare", {
      args: ["-m", "mount", "--bind", directory, directory],
      stderr: "null",
    }).output();
    if (!success) return undefined;
  } catch {
    return undefined;
  } finally {
    await Deno.remove(directory);
  }
  return ({ directory, files }) => [
    ...["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"'],
    ...[`${directory}/outside`, `${files}/mounted`],
  ];
}

Deno.test("a file system mounted inside an allowed path is allowed, since only root can mount", async () => {
  const wrapper = await bindMount();
  // If the test may not mount, neither may an attacker.
  if (wrapper === undefined) return;
  await using agent = await TestAgent.start({
    prepare: async ({ directory, files }) => {
      await Deno.mkdir(`${directory}/outside`);
      await Deno.mkdir(`${files}/mounted`);
      await Deno.writeTextFile(`${directory}/outside/f`, "mounted");
      await Deno.symlink("/etc/passwd", `${directory}/outside/link`);
    },
    wrapper,
  });
  await using host = await agent.connect();
  const { directory, files } = agent.paths;
  assertEquals(await read(host, `${files}/mounted/f`), "mounted");
  await write(host, `${files}/mounted/new`);
  assertEquals(await Deno.readTextFile(`${directory}/outside/new`), "new");
  const link = await host.request("file_read", { path: `${files}/mounted/link` });
  assertRefused(link, PERMISSION_DENIED, /symbolic link/);
  const above = await host.request("file_read", { path: `${directory}/outside/f` });
  assertRefused(above, PERMISSION_DENIED, /outside allowed_read_paths/);
});

Deno.test("in a sticky directory a write does not open what other users put there", async () => {
  await using agent = await TestAgent.start({
    prepare: async ({ files }) => {
      await Deno.chmod(files, 0o1777);
      await new Deno.Command("mkfifo", { args: ["-m", "666", `${files}/fifo`] }).output();
      await Deno.writeTextFile(`${files}/theirs`, "theirs", { mode: 0o666 });
      // Only root may give files away; otherwise they belong to the test's user, and the test is
      // still valid.
      await Deno.chown(`${files}/theirs`, 65_534, 65_534).catch(() => {});
      await Deno.chown(`${files}/fifo`, 65_534, 65_534).catch(() => {});
    },
  });
  await using host = await agent.connect();
  const { files } = agent.paths;
  const held = await Deno.open(`${files}/theirs`);
  using _held = held;
  await write(host, `${files}/theirs`);
  const old = new Uint8Array(16);
  const length = await held.read(old);
  const text = new TextDecoder().decode(old.subarray(0, length ?? 0));
  assertEquals(text, "theirs", "a process that had it open keeps the old contents");
  assertEquals(await Deno.readTextFile(`${files}/theirs`), "new");
  for (const more of [{}, { offset: 0 }]) {
    const answer = within(
      host.request("file_write", { path: `${files}/fifo`, content: "x", ...more }),
      "a refusal at once",
      5000,
    );
    assertRefused(await answer, COMMAND_FAILED, /is a FIFO/);
  }
});

Deno.test("names are bytes: neither case nor Unicode normalization makes two names equal", async (t) => {
  const [composed, decomposed] = ["\u00e9", "e\u0301"];
  await using agent = await TestAgent.start({
    config: ({ files }) => ({
      security: {
        allowed_read_paths: [`${files}/${composed}`, `${files}/lower`],
        allowed_write_paths: [`${files}/${composed}`],
      },
    }),
    prepare: async ({ files }) => {
      for (const name of [composed, decomposed, "lower", "LOWER"]) {
        await Deno.mkdir(`${files}/${name}`);
        await Deno.writeTextFile(`${files}/${name}/f`, name);
      }
    },
  });
  await using host = await agent.connect();
  const { files } = agent.paths;
  await t.step("an allowed path is read", async () => {
    assertEquals(await read(host, `${files}/${composed}/f`), composed);
    assertEquals(await read(host, `${files}/lower/f`), "lower");
  });
  for (const path of [`${decomposed}/f`, "LOWER/f", "Lower/f", `${composed}\u200b/f`, "ｌower/f"]) {
    await t.step(`${JSON.stringify(path)} is a different name`, async () => {
      for (const method of ["file_read", "file_write"]) {
        const params = {
          path: `${files}/${path}`,
          ...(method === "file_write" ? { content: "" } : {}),
        };
        assertRefused(await host.request(method, params), PERMISSION_DENIED, /is outside allowed_/);
      }
    });
  }
  await t.step("the same holds below an allowed path", async () => {
    const answer = await host.request("file_read", { path: `${files}/lower/F` });
    assertRefused(answer, NOT_FOUND, /No such file/);
    const made = await write(host, `${files}/${composed}/${decomposed}`);
    assertEquals(made.path, `${files}/${composed}/${decomposed}`);
    const names = await Array.fromAsync(Deno.readDir(`${files}/${composed}`));
    assert(names.some(({ name }) => name === decomposed), "the name is kept as it was sent");
  });
});
