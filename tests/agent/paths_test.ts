/**
 * What file_read and file_write may access: nothing outside, nothing through a link, only regular
 * files.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { type Paths, TestAgent, unconfined } from "./_agent.ts";
import { assertRefused, type ErrorMember, errorOf, type Host, type Message } from "./_host.ts";
import { timed, until } from "../_waiting.ts";
import { COMMAND_FAILED, INVALID_PARAMS, NOT_FOUND, PERMISSION_DENIED } from "../_error_codes.ts";

const AT_ONCE_MS = 3000;

const Read = z.strictObject({
  content: z.string(),
  size_bytes: z.int(),
  encoding: z.string(),
  offset: z.optional(z.int()),
  bytes_read: z.optional(z.int()),
  eof: z.optional(z.boolean()),
});
const Written = z.strictObject({ bytes_written: z.int(), path: z.string() });

const INSIDE = "inside\n";
const SECRET = "secret\n";

/**
 * A tree with everything that can be wrong with a path; `outside` is next to the allowed directory.
 */
async function makeTree({ directory, files }: Paths): Promise<void> {
  const outside = `${directory}/outside`;
  await Deno.mkdir(`${outside}/d`, { recursive: true });
  await Deno.writeTextFile(`${outside}/secret`, SECRET);
  await Deno.writeTextFile(`${outside}/d/secret`, SECRET);
  await Deno.writeTextFile(`${files}/inside`, INSIDE);
  await Deno.mkdir(`${files}/d/e`, { recursive: true });
  await Deno.writeTextFile(`${files}/d/e/inside`, INSIDE);
  await Deno.writeTextFile(`${directory}/filesfoo`, SECRET);
  await Deno.mkdir(`${directory}/files-too`);
  await Deno.writeTextFile(`${directory}/files-too/secret`, SECRET);
  await Deno.symlink(`${outside}/secret`, `${files}/link-to-file`);
  await Deno.symlink(`${files}/inside`, `${files}/link-to-inside`);
  await Deno.symlink("inside", `${files}/relative-link`);
  await Deno.symlink(outside, `${files}/link-to-directory`);
  await Deno.symlink(`${files}/d`, `${files}/link-to-d`);
  await Deno.symlink("..", `${files}/link-up`);
  await Deno.symlink(`${outside}/made`, `${files}/dangling`);
  await Deno.symlink("loop", `${files}/loop`);
  await Deno.symlink("/proc/self/mem", `${files}/link-to-mem`);
  const fifo = new Deno.Command("mkfifo", { args: [`${files}/fifo`] });
  assert((await fifo.output()).success, "mkfifo");
  Deno.listen({ transport: "unix", path: `${directory}/socket` }).close();
}

/** Every path below a directory with its type and contents; links are not followed. */
async function snapshot(directory: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (path: string) => {
    const info = await Deno.lstat(path);
    const what = info.isSymlink
      ? `link to ${await Deno.readLink(path)}`
      : info.isFile
      ? `file ${info.mode} ${info.ino} ${await Deno.readTextFile(path)}`
      : `other ${info.mode}`;
    found.push(`${path}: ${what}`);
    // The agent writes its own state at any time.
    if (info.isDirectory && path !== `${directory}/state`) {
      for await (const { name } of Deno.readDir(path)) await walk(`${path}/${name}`);
    }
  };
  await walk(directory);
  return found.sort();
}

/** Reads and writes in every way the protocol has, and expects the same refusal each time. */
async function refusals(host: Host, path: string): Promise<Message[]> {
  const answers: Message[] = [];
  for (
    const [method, params] of [
      ["file_read", { path }],
      ["file_read", { path, encoding: "base64", offset: 0, length: 100 }],
      ["file_write", { path, content: "overwritten" }],
      ["file_write", { path, content: "overwritten", permissions: "0777", create_dirs: true }],
      ["file_write", { path, content: "overwritten", offset: 0 }],
      ["file_write", { path, content: "overwritten", offset: 3, create_dirs: true }],
    ] as const
  ) {
    const { value, ms } = await timed(() => host.request(method, params));
    assert(ms < AT_ONCE_MS, `${method} took ${ms} ms`);
    answers.push(value);
  }
  await host.ping();
  return answers;
}

for (
  const [name, options] of [
    ["a path", { prepare: makeTree }],
    ["a path, if Deno does not confine the agent,", { prepare: makeTree, flags: unconfined }],
  ] as const
) {
  Deno.test(name, async (t) => {
    await using agent = await TestAgent.start(options);
    await using host = await agent.connect();
    const { directory, files } = agent.paths;
    const before = await snapshot(directory);

    const step = (name: string, path: string, code: number, reason: RegExp) =>
      t.step(name, async () => {
        for (const answer of await refusals(host, path)) assertRefused(answer, code, reason);
        assertEquals(await snapshot(directory), before, "nothing has changed anywhere");
      });
    const malformed = (name: string, path: string, reason: RegExp) =>
      step(`that is ${name} is refused with -32602`, path, INVALID_PARAMS, reason);
    const outside = (name: string, path: string) =>
      step(`${name} is refused with -32001`, path, PERMISSION_DENIED, /is outside allowed_/);
    const linked = (name: string, path: string) =>
      step(`${name} is refused with -32001`, path, PERMISSION_DENIED, /symbolic link/);

    await malformed("empty", "", /must be absolute/);
    await malformed("relative", "files/inside", /must be absolute/);
    await malformed("relative and leads up", "../etc/shadow", /must be absolute/);
    await malformed("one dot", ".", /must be absolute/);
    await malformed("a home directory", "~/inside", /must be absolute/);
    await malformed("a URL", `file://${files}/inside`, /must be absolute/);
    await malformed("with NUL", `${files}/inside\0`, /must not contain NUL/);
    await malformed("with NUL in the middle", `${files}/in\0side`, /must not contain NUL/);
    await malformed("of 5,000 characters", `${files}/${"x".repeat(5000)}`, /at most 4096 bytes/);
    await malformed("of 5,000 slashes", `${"/".repeat(5000)}etc/shadow`, /at most 4096 bytes/);
    await malformed(
      "of 1,500 wide characters",
      `${files}/${"€".repeat(1500)}`,
      /at most 4096 bytes/,
    );

    await outside("in the directory above", `${files}/../outside/secret`);
    await outside("that leads up and away", "/tmp/../etc/shadow");
    await outside("that leads up beyond the root", `${files}/../../../../../../../etc/shadow`);
    await outside("with dots and slashes", `${files}//.//..//.//outside/./secret`);
    await outside("with the allowed one as a prefix of its name", `${directory}/filesfoo`);
    await outside("in a directory with such a name", `${directory}/files-too/secret`);
    await outside("that is the directory above", directory);
    await outside("that is the root", "/");
    await outside("to a secret of the system", "/etc/shadow");
    await outside("to the agent's memory", "/proc/self/mem");
    await outside("to its environment", "/proc/self/environ");
    await outside("to its open files", "/proc/self/fd/0");
    await outside("to a device", "/dev/zero");
    await outside("that another case would allow", `${files.toUpperCase()}/inside`);
    await outside("to the agent's own configuration", agent.paths.configFile);
    await outside("to the agent's own socket", agent.paths.socket);

    await linked("whose last component is a link to a file outside", `${files}/link-to-file`);
    await linked("whose last component is a link to a file inside", `${files}/link-to-inside`);
    await linked("whose last component is a relative link", `${files}/relative-link`);
    await linked("through a link to a directory outside", `${files}/link-to-directory/secret`);
    await linked(
      "deeper through a link to a directory outside",
      `${files}/link-to-directory/d/secret`,
    );
    await linked("through a link to a directory inside", `${files}/link-to-d/e/inside`);
    await linked("through a link that leads up", `${files}/link-up/outside/secret`);
    await linked("to a link to the agent's memory", `${files}/link-to-mem`);

    const other = (name: string, path: string, allowed: (error: ErrorMember) => boolean) =>
      t.step(`${name} is refused`, async () => {
        for (const answer of await refusals(host, path)) {
          const error = errorOf(answer);
          assert(allowed(error), JSON.stringify(error));
        }
        assertEquals(await snapshot(directory), before, "nothing has changed anywhere");
      });
    await other("a link to nothing", `${files}/dangling`, ({ code }) => code === PERMISSION_DENIED);
    await other("a link to itself", `${files}/loop`, ({ code }) => code === PERMISSION_DENIED);
    await other(
      "a path through a link to itself",
      `${files}/loop/file`,
      ({ code }) => [PERMISSION_DENIED, COMMAND_FAILED].includes(code),
    );
    await other(
      "a path through a file",
      `${files}/inside/file`,
      ({ code }) => [NOT_FOUND, COMMAND_FAILED].includes(code),
    );
    await other(
      "a name too long for a file",
      `${files}/${"x".repeat(300)}`,
      ({ code }) => code === COMMAND_FAILED,
    );
    await t.step("of exactly 4096 bytes, one more than the kernel takes, is refused", async () => {
      const path = files + "/d".repeat(2048 - files.length / 2) + "x".repeat(files.length % 2);
      assertEquals(path.length, 4096);
      for (
        const [method, params] of [
          ["file_read", { path }],
          ["file_write", { path, content: "" }],
          ["file_write", { path, content: "", offset: 0 }],
        ] as const
      ) {
        const { code } = errorOf(await host.request(method, params));
        assert([NOT_FOUND, COMMAND_FAILED].includes(code), `${method}: ${code}`);
      }
      assertEquals(await snapshot(directory), before, "nothing has changed anywhere");
    });
    await other(
      "a FIFO",
      `${files}/fifo`,
      ({ code, data }) => code === COMMAND_FAILED && data.reason.includes("is a FIFO"),
    );
    await other(
      "a directory",
      `${files}/d`,
      ({ code, data }) => code === COMMAND_FAILED && data.reason.includes("is a directory"),
    );
    await other(
      "the allowed directory itself",
      files,
      ({ code, data }) => code === COMMAND_FAILED && data.reason.includes("is a directory"),
    );

    await t.step("is normalised before it is compared, and returned normalised", async () => {
      for (const path of [`${files}//inside`, `${files}/./inside`, `${files}/d/../inside`]) {
        assertEquals((await host.call("file_read", { path }, Read)).content, INSIDE);
      }
      const path = `${files}/d//e/../new`;
      const written = await host.call("file_write", { path, content: "x" }, Written);
      assertEquals(written.path, `${files}/d/new`);
    });
    await t.step("that ends with a slash is refused", async () => {
      const answer = await host.request("file_write", { path: `${files}/new/`, content: "" });
      assertRefused(answer, INVALID_PARAMS, /must name a file, not end with a slash/);
    });
  });
}

Deno.test("sockets and devices inside an allowed directory are refused immediately", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { files } = agent.paths;
  const listener = Deno.listen({ transport: "unix", path: `${files}/socket` });
  try {
    for (const answer of await refusals(host, `${files}/socket`)) {
      assertRefused(answer, COMMAND_FAILED, /is a socket, not a regular file/);
    }
  } finally {
    listener.close();
  }
  // Only root can create a device node; confinement_test.ts tests one without root.
  const node = `${files}/null`;
  await new Deno.Command("mknod", { args: [node, "c", "1", "3"], stderr: "null" }).output();
  const isDevice = await Deno.lstat(node).then((info) => info.isCharDevice ?? false, () => false);
  if (isDevice) {
    for (const answer of await refusals(host, node)) {
      assertRefused(answer, COMMAND_FAILED, /is a character device, not a regular file/);
    }
  }
});

Deno.test("an allowed path that is a file allows only that file", async (t) => {
  await using agent = await TestAgent.start({
    prepare: async ({ directory, files }) => {
      await Deno.writeTextFile(`${directory}/one`, "one");
      await Deno.writeTextFile(`${directory}/one-more`, SECRET);
      await Deno.writeTextFile(`${files}/link-target`, SECRET);
    },
    config: ({ directory }) => ({
      security: {
        allowed_read_paths: [`${directory}/one`],
        allowed_write_paths: [`${directory}/one`, `${directory}/new`],
      },
    }),
  });
  await using host = await agent.connect();
  const { directory, files } = agent.paths;
  await t.step("it is read and replaced", async () => {
    const path = `${directory}/one`;
    assertEquals((await host.call("file_read", { path }, Read)).content, "one");
    await host.call("file_write", { path, content: "two" }, Written);
    assertEquals(await Deno.readTextFile(path), "two");
    await host.call("file_write", { path, content: "O", offset: 1 }, Written);
    assertEquals(await Deno.readTextFile(path), "tOo");
  });
  await t.step("a missing one is created", async () => {
    const path = `${directory}/new`;
    await host.call("file_write", { path, content: "new" }, Written);
    assertEquals(await Deno.readTextFile(path), "new");
  });
  await t.step("nothing beside it is", async () => {
    for (const name of ["one-more", "files/link-target", "one/below", "one.kvmmanager-new"]) {
      for (const answer of await refusals(host, `${directory}/${name}`)) {
        assertEquals(
          errorOf(answer).code,
          name === "one/below" ? errorOf(answer).code : PERMISSION_DENIED,
        );
      }
    }
    assertEquals(await Deno.readTextFile(`${directory}/one-more`), SECRET);
  });
  await t.step("nothing is left next to it", async () => {
    const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
    assertEquals(names, ["agent.sock", "config.json", "files", "new", "one", "one-more", "state"]);
  });
  await t.step("it is refused once it is a link", async () => {
    await Deno.remove(`${directory}/one`);
    await Deno.symlink(`${files}/link-target`, `${directory}/one`);
    for (const answer of await refusals(host, `${directory}/one`)) {
      assertRefused(answer, PERMISSION_DENIED, /symbolic link/);
    }
    assertEquals(await Deno.readTextFile(`${files}/link-target`), SECRET);
  });
});

Deno.test("an allowed directory that is itself a link is refused", async () => {
  await using agent = await TestAgent.start({
    prepare: async ({ directory }) => {
      await Deno.mkdir(`${directory}/real`);
      await Deno.writeTextFile(`${directory}/real/secret`, SECRET);
      await Deno.symlink(`${directory}/real`, `${directory}/linked`);
    },
    config: ({ directory }) => ({
      security: {
        allowed_read_paths: [`${directory}/linked`],
        allowed_write_paths: [`${directory}/linked`],
      },
    }),
  });
  await using host = await agent.connect();
  const { directory } = agent.paths;
  for (const answer of await refusals(host, `${directory}/linked/secret`)) {
    assertRefused(answer, PERMISSION_DENIED, /symbolic link/);
  }
  const content = { path: `${directory}/linked/new`, content: "x" };
  assertRefused(await host.request("file_write", content), PERMISSION_DENIED, /symbolic link/);
  assertEquals((await Array.fromAsync(Deno.readDir(`${directory}/real`))).length, 1);
});

Deno.test("read access does not allow writing, nor write access reading", async () => {
  await using agent = await TestAgent.start({
    prepare: async ({ directory }) => {
      await Deno.mkdir(`${directory}/r`);
      await Deno.mkdir(`${directory}/w`);
      await Deno.writeTextFile(`${directory}/r/f`, "r");
      await Deno.writeTextFile(`${directory}/w/f`, "w");
    },
    config: ({ directory }) => ({
      security: {
        allowed_read_paths: [`${directory}/r`],
        allowed_write_paths: [`${directory}/w`],
      },
    }),
  });
  await using host = await agent.connect();
  const { directory } = agent.paths;
  const [r, w] = [`${directory}/r/f`, `${directory}/w/f`];
  assertEquals((await host.call("file_read", { path: r }, Read)).content, "r");
  await host.call("file_write", { path: w, content: "new" }, Written);
  assertRefused(
    await host.request("file_write", { path: r, content: "new" }),
    PERMISSION_DENIED,
    /outside allowed_write_paths/,
  );
  assertRefused(
    await host.request("file_read", { path: w }),
    PERMISSION_DENIED,
    /outside allowed_read_paths/,
  );
  assertEquals([await Deno.readTextFile(r), await Deno.readTextFile(w)], ["r", "new"]);
});

Deno.test("names that a shell or an option parser would misread are ordinary names", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { directory, files } = agent.paths;
  const names = [
    ..."-rf,-,--,--help,+x,=,~,a b, ,  x  ,\t,\n,a\nb,a\n,\r".split(","),
    ..."*,?,[a],{a,b},$HOME,$(id),`id`,${x},$$,;id,|,&,>out,<in,#,!".split(","),
    ..."'\"\\".split(""),
    ..."'; touch pwned; ',é,日本,😀,\u202e,.hidden,...,..a,\x7f,\x01".split(","),
    "commit",
    "x".repeat(255),
  ];
  for (const name of names) {
    const path = `${files}/${name}/${name}/${name}`;
    const params = { path, content: `content of ${name}`, create_dirs: true };
    assertEquals((await host.call("file_write", params, Written)).path, path);
    assertEquals((await host.call("file_read", { path }, Read)).content, params.content);
    await host.call("file_write", { path, content: "C", offset: 0 }, Written);
    await host.call(
      "file_write",
      { path: `${[...path].slice(0, -1).join("")}@`, content: "", offset: 0 },
      Written,
    );
    assertMatch(await Deno.readTextFile(path), /^Content of /);
  }
  const found = (await Array.fromAsync(Deno.readDir(files))).map(({ name }) => name).sort();
  assertEquals(found, [...new Set(names)].sort());
  const beside = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
  assertEquals(beside, ["agent.sock", "config.json", "files", "state"]);
});

Deno.test("a file that grows while it is read is read up to its size when it was opened", async () => {
  await using agent = await TestAgent.start({ config: () => ({ max_message_size_kb: 16_384 }) });
  await using host = await agent.connect();
  const path = `${agent.paths.files}/growing`;
  await Deno.writeTextFile(path, "0123456789".repeat(1000));
  // A process of its own, so that it really runs at the same time.
  const grower = new Deno.Command("sh", {
    args: ["-c", 'while :; do printf 01234567890123456789 >> "$0"; done', path],
  }).spawn();
  try {
    const { size } = await Deno.stat(path);
    await until(async () => (await Deno.stat(path)).size > size, "the file to grow");
    let last = 0;
    const most = 2 * 1024 * 1024;
    for (let round = 0; round < 100 && last < most; round++) {
      const whole = await host.call("file_read", { path }, Read);
      assertEquals(whole.size_bytes, whole.content.length);
      const tens = Math.ceil(whole.content.length / 10);
      assert("0123456789".repeat(tens).startsWith(whole.content), "nothing but what was written");
      assert(whole.size_bytes >= last, "it only grows");
      last = whole.size_bytes;
      const piece = await host.call("file_read", { path, offset: last, length: 100 }, Read);
      assertEquals(piece.offset, last);
      assert(piece.bytes_read !== undefined && piece.bytes_read <= 100);
      assertEquals(piece.eof, last + piece.bytes_read >= piece.size_bytes);
    }
  } finally {
    grower.kill("SIGKILL");
    await grower.status;
  }
});

Deno.test("a file that shrinks while it is read in pieces ends where it ends", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const path = `${agent.paths.files}/shrinking`;
  await Deno.writeTextFile(path, "x".repeat(1000));
  const first = await host.call("file_read", { path, offset: 0, length: 600 }, Read);
  assertEquals([first.bytes_read, first.eof], [600, false]);
  await Deno.truncate(path, 500);
  const rest = await host.call("file_read", { path, offset: 600, length: 600 }, Read);
  assertEquals([rest.content, rest.bytes_read, rest.eof, rest.size_bytes], ["", 0, true, 500]);
});
