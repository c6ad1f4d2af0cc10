import { assert, assertEquals, assertRejects } from "@std/assert";
import type { AgentClient } from "../../../host/client.ts";
import { AnswerError, CallError } from "../../../host/errors.ts";
import { pull } from "../../../host/transfer/pull.ts";
import { push } from "../../../host/transfer/push.ts";
import {
  partialPath,
  TransferError,
  type TransferOptions,
  type TransferResult,
} from "../../../host/transfer/transfer.ts";
import { type AgentOptions, TestAgent } from "../../agent/_agent.ts";
import { tinyDisk } from "../../agent/_tiny_disk.ts";
import { until } from "../../_waiting.ts";
import { namesIn, TempDirectory } from "../../lib/_helpers.ts";

const KB = 1024;
const MB = 1024 * KB;

/** An agent, and a directory of the host. */
class Both implements AsyncDisposable {
  private constructor(readonly agent: TestAgent, readonly host: TempDirectory) {}

  static async start(options?: AgentOptions): Promise<Both> {
    return new Both(await TestAgent.start(options), await TempDirectory.make());
  }

  inGuest(name: string): string {
    return `${this.agent.paths.files}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
  }
}

const randomBytes = (size: number): Uint8Array => {
  const bytes = new Uint8Array(size);
  // getRandomValues gives 64 KiB at most (Web Cryptography, 10.1.1).
  for (let at = 0; at < size; at += 64 * KB) {
    crypto.getRandomValues(bytes.subarray(at, at + 64 * KB));
  }
  return bytes;
};

type Direction = (
  client: AgentClient,
  from: string,
  to: string,
  options?: TransferOptions,
) => Promise<TransferResult>;

/** Both directions, and at which end each begins. */
const DIRECTIONS: readonly {
  readonly name: string;
  readonly move: Direction;
  readonly from: (both: Both, name: string) => string;
  readonly to: (both: Both, name: string) => string;
}[] = [
  {
    name: "pull",
    move: pull,
    from: (both, name) => both.inGuest(name),
    to: (both, name) => both.host.at(name),
  },
  {
    name: "push",
    move: push,
    from: (both, name) => both.host.at(name),
    to: (both, name) => both.inGuest(name),
  },
];

async function assertSame(from: string, to: string): Promise<void> {
  const [a, b] = [await Deno.readFile(from), await Deno.readFile(to)];
  assert(a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]));
}

for (const { name, move, from: fromOf, to: toOf } of DIRECTIONS) {
  Deno.test(`${name} moves files of any size and leaves nothing else`, async () => {
    await using both = await Both.start();
    await using client = await both.agent.client();
    const [from, to] = [fromOf(both, "from"), toOf(both, "to")];
    for (const size of [0, 1, 48 * KB, 64 * KB, MB, MB + 1, 5 * MB + 12_345]) {
      await Deno.writeFile(from, randomBytes(size));
      const progress: number[] = [];
      const moved = await move(client, from, to, {
        onProgress: (done, total) => {
          assertEquals(total, size);
          progress.push(done);
        },
      });
      await assertSame(from, to);
      assertEquals([moved.path, moved.bytes, moved.resumedBytes], [to, size, 0]);
      assertEquals(progress.at(-1), size);
      assertEquals(progress, progress.toSorted((a, b) => a - b));
    }
    assertEquals(await namesIn(both.host.path), [name === "pull" ? "to" : "from"]);
    assertEquals(await namesIn(both.agent.paths.files), [name === "pull" ? "from" : "to"]);
  });

  Deno.test(`${name} works with small messages and a low rate`, async () => {
    await using both = await Both.start({
      config: () => ({ max_message_size_kb: 2, max_requests_per_second: 100 }),
    });
    await using client = await both.agent.client();
    const [from, to] = [fromOf(both, "from"), toOf(both, "to")];
    await Deno.writeFile(from, randomBytes(150 * KB));
    await move(client, from, to);
    await assertSame(from, to);
  });

  Deno.test(`${name} resumes what an earlier attempt has moved`, async () => {
    await using both = await Both.start();
    const [from, to] = [fromOf(both, "from"), toOf(both, "to")];
    await Deno.writeFile(from, randomBytes(6 * MB));
    await Deno.writeTextFile(to, "old");
    {
      await using client = await both.agent.client();
      const controller = new AbortController();
      const moving = move(client, from, to, {
        signal: controller.signal,
        onProgress: (done) => done > 4 * MB && controller.abort(new Error("enough")),
      });
      await assertRejects(() => moving, Error, "enough");
    }
    assertEquals(await Deno.readTextFile(to), "old", "untouched until all is there");
    await using client = await both.agent.client();
    const { resumedBytes } = await move(client, from, to);
    assert(resumedBytes >= 3 * MB && resumedBytes < 6 * MB, `${resumedBytes}`);
    await assertSame(from, to);
  });

  Deno.test(`${name} resumes after the connection was lost`, async () => {
    await using both = await Both.start();
    const [from, to] = [fromOf(both, "from"), toOf(both, "to")];
    await Deno.writeFile(from, randomBytes(4 * MB));
    const first = await both.agent.client();
    const moving = move(first, from, to, {
      onProgress: (done) => done > 2 * MB && void first.close(),
    });
    await assertRejects(() => moving, CallError);
    await first.close();
    await using client = await both.agent.client();
    const { resumedBytes } = await move(client, from, to);
    assert(resumedBytes > 0);
    await assertSame(from, to);
  });

  Deno.test(`${name} compares what an earlier attempt has left`, async (t) => {
    await using both = await Both.start();
    const [from, to] = [fromOf(both, "from"), toOf(both, "to")];
    const content = randomBytes(3 * MB + 5);
    await Deno.writeFile(from, content);
    const damaged = content.slice();
    damaged[2 * MB + 17] = (damaged[2 * MB + 17] ?? 0) ^ 1;
    for (
      const [what, partial] of [
        ["a byte of it differs", damaged],
        ["it is something else", randomBytes(3 * MB)],
        ["it is longer", randomBytes(4 * MB)],
        ["it is empty", new Uint8Array(0)],
        ["it is complete", content],
      ] as const
    ) {
      await t.step(what, async () => {
        await using client = await both.agent.client();
        await Deno.writeFile(partialPath(to), partial);
        await move(client, from, to);
        await assertSame(from, to);
      });
    }
  });

  Deno.test(`${name} fails if the file changes meanwhile, and succeeds afterwards`, async (t) => {
    await using both = await Both.start();
    const [from, to] = [fromOf(both, "from"), toOf(both, "to")];
    for (
      const [what, change] of [
        ["it grows", () => Deno.writeTextFileSync(from, "more", { append: true })],
        ["it shrinks", () => Deno.truncateSync(from, MB)],
        ["its content changes", () => Deno.writeFileSync(from, randomBytes(4 * MB))],
      ] as const
    ) {
      await t.step(what, async () => {
        await using client = await both.agent.client();
        await Deno.writeFile(from, randomBytes(4 * MB));
        await Deno.writeTextFile(to, "old");
        let isChanged = false;
        const moving = move(client, from, to, {
          onProgress: (done) => {
            if (isChanged || done < 2 * MB) return;
            isChanged = true;
            change();
          },
        });
        await assertRejects(() => moving, TransferError, "changed during the transfer");
        assertEquals(await Deno.readTextFile(to), "old");
        await move(client, from, to);
        await assertSame(from, to);
      });
    }
  });
}

Deno.test("pull and push keep the file's permissions; push can set others", async () => {
  await using both = await Both.start();
  await using client = await both.agent.client();
  const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
  const [local, remote] = [both.host.at("f"), both.inGuest("f")];
  await Deno.writeTextFile(remote, "secret");
  await Deno.chmod(remote, 0o640);
  await pull(client, remote, local);
  assertEquals(await modeOf(local), 0o640 & ~Deno.umask());
  await Deno.chmod(local, 0o751);
  await push(client, local, both.inGuest("g"));
  assertEquals(await modeOf(both.inGuest("g")), 0o751);
  await push(client, local, both.inGuest("h"), { permissions: "0604" });
  assertEquals(await modeOf(both.inGuest("h")), 0o604);
});

Deno.test("push writes each piece of a new file in place, and first replaces what it cannot resume", async () => {
  await using both = await Both.start();
  await using client = await both.agent.client();
  const [from, to] = [both.host.at("f"), both.inGuest("f")];
  await Deno.writeFile(from, randomBytes(200 * KB));
  const replacements = () =>
    both.agent.log.filter(({ method, offset }) => method === "file_write" && offset === undefined);
  await push(client, from, to);
  await assertSame(from, to);
  await both.agent.logged(({ method }) => method === "file_commit", "the end of the push");
  assertEquals(replacements().length, 0);
  await Deno.writeFile(partialPath(to), randomBytes(300 * KB));
  await push(client, from, to);
  await assertSame(from, to);
  await both.agent.logged(
    ({ method, offset }) => method === "file_write" && offset === undefined,
    "the replacement",
  );
  assertEquals(replacements().length, 1);
});

Deno.test("push creates directories with createDirs only", async () => {
  await using both = await Both.start();
  await using client = await both.agent.client();
  const local = await both.host.file("f", "content");
  const remote = both.inGuest("a/b/f");
  const refused = await assertRejects(() => push(client, local, remote), AnswerError);
  assertEquals(refused.code, -32002);
  await push(client, local, remote, { createDirs: true });
  await assertSame(local, remote);
});

Deno.test("push needs no permission to read in the guest", async () => {
  await using both = await Both.start({
    config: () => ({ security: { allowed_read_paths: [] } }),
  });
  await using client = await both.agent.client();
  const local = both.host.at("f");
  await Deno.writeFile(local, randomBytes(MB));
  await Deno.writeTextFile(partialPath(both.inGuest("f")), "of somebody else");
  await push(client, local, both.inGuest("f"));
  await assertSame(local, both.inGuest("f"));
});

Deno.test("pull and push refuse anything but a regular file, at either end", async () => {
  await using both = await Both.start();
  await using client = await both.agent.client();
  const directory = await both.host.directory("directory");
  await Deno.mkdir(both.inGuest("directory"));
  await Deno.symlink("/etc/passwd", both.inGuest("link"));
  await assertRejects(
    () => pull(client, both.inGuest("directory"), both.host.at("f")),
    TransferError,
    "of type directory",
  );
  const link = await assertRejects(
    () => pull(client, both.inGuest("link"), both.host.at("f")),
    AnswerError,
  );
  assertEquals(link.code, -32001);
  await assertRejects(() => push(client, directory, both.inGuest("f")), TransferError);
  await assertRejects(
    () => push(client, both.host.at("none"), both.inGuest("f")),
    Deno.errors.NotFound,
  );
});

Deno.test("pull does not write through a symbolic link planted in its way", async () => {
  await using both = await Both.start();
  await using client = await both.agent.client();
  await Deno.writeTextFile(both.inGuest("f"), "content");
  const victim = await both.host.file("victim", "precious");
  await Deno.symlink(victim, partialPath(both.host.at("f")));
  await assertRejects(
    () => pull(client, both.inGuest("f"), both.host.at("f")),
    TransferError,
    "is not a regular file",
  );
  assertEquals(await Deno.readTextFile(victim), "precious");
});

Deno.test("push of more than the guest's disk holds fails and frees the space again", async () => {
  const wrapper = await tinyDisk({ options: "size=1m" });
  if (wrapper === undefined) return;
  await using both = await Both.start({ wrapper });
  await using client = await both.agent.client();
  const local = both.host.at("f");
  await Deno.writeFile(local, randomBytes(2 * MB));
  const full = await assertRejects(() => push(client, local, both.inGuest("f")), TransferError);
  assert(/No space left|os error 28/.test(full.message), full.message);
  assert(!full.message.includes("remains"), full.message);
  const { entries } = await client.call("file_list", { path: both.agent.paths.files });
  assertEquals(entries, []);
  const df = { command: "df", args: ["--output=avail", both.agent.paths.files] };
  // The agent keeps a file open for a second after a piece.
  await until(async () => {
    const { stdout } = await client.call("exec_command", df);
    return Number(stdout.split("\n")[1]) > 900;
  }, "room on the disk");
  await Deno.truncate(local, 300 * KB);
  await push(client, local, both.inGuest("f"));
  const { size_bytes } = await client.call("file_stat", { path: both.inGuest("f") });
  assertEquals(size_bytes, 300 * KB);
});

Deno.test("push of a file over the guest's limit is refused before anything is moved", async () => {
  await using both = await Both.start({ config: () => ({ security: { max_file_size_mb: 1 } }) });
  await using client = await both.agent.client();
  const local = both.host.at("f");
  await Deno.writeFile(local, randomBytes(MB + 1));
  const progress: number[] = [];
  const refused = await assertRejects(
    () => push(client, local, both.inGuest("f"), { onProgress: (done) => progress.push(done) }),
    AnswerError,
  );
  assert(refused.reason.includes("max_file_size_mb"), refused.reason);
  assertEquals(progress, []);
  assertEquals(await namesIn(both.agent.paths.files), []);
  await Deno.truncate(local, MB);
  await push(client, local, both.inGuest("f"));
});
