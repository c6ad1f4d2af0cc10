/**
 * Freezing real file systems, on loop devices, with real brokers.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import type { BrokerClient } from "../../../../../lib/platform/linux/privileged/broker_client.ts";
import { FreezeHooks } from "../../../../../lib/platform/linux/privileged/freeze_hooks.ts";
import { FreezeSession } from "../../../../../lib/platform/linux/privileged/freeze_session.ts";
import { readBlockMounts } from "../../../../../lib/platform/linux/privileged/root_tools.ts";
import { FreezeStatusSchema, ThawedSchema } from "../../../../../lib/privileged/filesystems.ts";
import { COMMAND_FAILED, NOT_FOUND } from "../../../../_error_codes.ts";
import { until } from "../../../../_waiting.ts";
import { NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";
import { brokerCommand, Brokers, isRoot, LoopMount, sh } from "./_brokers.ts";

const Frozen = z.strictObject({
  frozen: z.array(z.string()),
  skipped: z.array(z.strictObject({ mount_point: z.string(), reason: z.string() })),
});

const freeze = async (client: BrokerClient, mount_points: readonly string[], ttl_seconds = 60) =>
  z.parse(Frozen, await client.perform("fs_freeze", { ttl_seconds, mount_points }, NEVER));
const thaw = async (client: BrokerClient) =>
  z.parse(ThawedSchema(), await client.perform("fs_thaw", {}, NEVER));
const status = async (client: BrokerClient) =>
  z.parse(FreezeStatusSchema(), await client.perform("fs_freeze_status", {}, NEVER));

/** A process that appends to a file, until the file system lets it or the test ends it. */
class Writer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  #hasEnded = false;

  constructor(mount: LoopMount) {
    this.#child = new Deno.Command("sh", {
      args: ["-c", 'echo more >>"$1"', "sh", `${mount.mountPoint}/file`],
      stdin: "null",
    }).spawn();
    void this.#child.status.then(() => this.#hasEnded = true);
  }

  /** Whether the kernel makes it wait for the thaw. */
  async isBlocked(): Promise<boolean> {
    await until(async () => this.#hasEnded || await this.#state() === "D", "written or blocked");
    return !this.#hasEnded;
  }

  async written(): Promise<void> {
    await until(() => this.#hasEnded, "written");
  }

  async #state(): Promise<string | undefined> {
    const stat = await Deno.readTextFile(`/proc/${this.#child.pid}/stat`).catch(() => "");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.status;
  }
}

/** Tests that need root and, for its file systems, that kernel's loop devices. */
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !isRoot, fn });

test("a writer waits from freeze to thaw, and goes on", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  const { client } = brokers;
  assertEquals(await freeze(client, [mount.mountPoint]), {
    frozen: [mount.mountPoint],
    skipped: [],
  });
  assertEquals(client.isFrozen, true);
  await using writer = new Writer(mount);
  assert(await writer.isBlocked());
  const { frozen, remaining_seconds = 0 } = await status(client);
  assertEquals(frozen, [mount.mountPoint]);
  assert(remaining_seconds > 0 && remaining_seconds <= 60, `${remaining_seconds}`);
  assertEquals(await thaw(client), {
    thawed: [mount.mountPoint],
    problems: [],
    ended_by: "request",
  });
  await writer.written();
  assertEquals(client.isFrozen, false);
});

test("a file system on a loop device and the one with its file are frozen together", async () => {
  await using mount = await LoopMount.make();
  await using inner = await LoopMount.make(`${mount.mountPoint}/image`);
  await using brokers = await Brokers.start();
  const { frozen } = await freeze(brokers.client, [mount.mountPoint, inner.mountPoint]);
  assertEquals(frozen, [inner.mountPoint, mount.mountPoint]);
  assertEquals((await thaw(brokers.client)).thawed, [mount.mountPoint, inner.mountPoint]);
});

test("everything is thawed when ttl_seconds are over, and the host learns it", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  const { client } = brokers;
  await freeze(client, [mount.mountPoint], 1);
  await using writer = new Writer(mount);
  assert(await writer.isBlocked());
  await writer.written();
  await until(() => !client.isFrozen, "the agent knows");
  assertEquals(await thaw(client), { thawed: [], problems: [], ended_by: "ttl" });
  assertEquals((await thaw(client)).ended_by, null);
});

test("a second freeze is refused by the agent and by the broker, and the first one stays", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  await freeze(brokers.client, [mount.mountPoint]);
  const again = await rpcErrorOf(() => freeze(brokers.client, [mount.mountPoint]));
  assertMatch(again.message, /already frozen/);
  // A restarted agent does not know of it.
  const other = await brokers.anotherClient();
  const refused = await rpcErrorOf(() => freeze(other, [mount.mountPoint]));
  assertMatch(refused.message, /already frozen/);
  assertEquals((await status(other)).frozen, [mount.mountPoint]);
  assertEquals(other.isFrozen, false);
  await thaw(brokers.client);
});

test("a restarted agent thaws what the one before has frozen", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  await freeze(brokers.client, [mount.mountPoint]);
  const other = await brokers.anotherClient();
  assertEquals((await thaw(other)).thawed, [mount.mountPoint]);
  await until(() => !brokers.client.isFrozen, "the first client knows");
});

test("freezing nothing, a wrong path or a read-only file system is an error and freezes nothing", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  const { client } = brokers;
  const missing = await rpcErrorOf(() => freeze(client, [mount.mountPoint, "/nonexistent"]));
  assertEquals(missing.code, NOT_FOUND);
  await sh('mount -o remount,ro "$1"', mount.mountPoint);
  const readOnly = await rpcErrorOf(() => freeze(client, [mount.mountPoint]));
  assertEquals(readOnly.code, COMMAND_FAILED);
  assertEquals([client.isFrozen, (await status(client)).frozen], [false, []]);
});

test("a file system that another program has frozen is an error, and stays frozen", async () => {
  await using mount = await LoopMount.make();
  await using other = await LoopMount.make();
  await using brokers = await Brokers.start();
  await sh('fsfreeze --freeze "$1"', mount.mountPoint);
  const error = await rpcErrorOf(() =>
    freeze(brokers.client, [mount.mountPoint, other.mountPoint])
  );
  assertMatch(error.message, /already frozen by another program/);
  await using writer = new Writer(other);
  await writer.written();
  await sh('fsfreeze --unfreeze "$1"', mount.mountPoint);
});

test("hooks are run in order before the freeze, and in reverse after the thaw", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  await brokers.hook("20-second");
  await brokers.hook("10-first");
  await Deno.writeTextFile(brokers.directory.at("hooks/not.a.hook"), "exit 1", { mode: 0o755 });
  await freeze(brokers.client, [mount.mountPoint]);
  assertEquals(await brokers.told(), ["10-first freeze", "20-second freeze"]);
  await thaw(brokers.client);
  assertEquals((await brokers.told()).slice(2), ["20-second thaw", "10-first thaw"]);
});

test("a hook that fails stops the freeze, and each that has run is told of the thaw", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  await brokers.hook("1-good");
  await brokers.hook("2-bad", '[ "$1" = thaw ] || { echo oops >&2; exit 3; }');
  await brokers.hook("3-never");
  const error = await rpcErrorOf(() => freeze(brokers.client, [mount.mountPoint]));
  assertEquals(error.code, COMMAND_FAILED);
  assertStringIncludes(error.message, "2-bad freeze failed with status 3: oops");
  assertEquals(await brokers.told(), [
    "1-good freeze",
    "2-bad freeze",
    "2-bad thaw",
    "1-good thaw",
  ]);
  await using writer = new Writer(mount);
  await writer.written();
});

test("a hook that others can write is not run, and nothing is frozen", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  await brokers.hook("open");
  await Deno.chmod(brokers.directory.at("hooks/open"), 0o757);
  const error = await rpcErrorOf(() => freeze(brokers.client, [mount.mountPoint]));
  assertMatch(error.message, /not trusted: .*open can be written by others/);
  assertEquals(await brokers.told(), []);
});

test("a hook that fails at the thaw is reported, and the thaw is complete", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  await brokers.hook("bad", '[ "$1" = freeze ]');
  await freeze(brokers.client, [mount.mountPoint]);
  const { thawed, problems } = await thaw(brokers.client);
  assertEquals([thawed, problems.length], [[mount.mountPoint], 1]);
});

test("everything is thawed when the agent has been gone for a while", async () => {
  await using mount = await LoopMount.make();
  await using directory = await TempDirectory.make();
  const session = new FreezeSession({
    directory: directory.at("run"),
    hooks: new FreezeHooks(directory.at("hooks")),
    mounts: () => readBlockMounts(NEVER),
    cancelled: NEVER,
    onChange: () => {},
    agentGoneMs: 100,
  });
  await session.freeze({ ttlSeconds: 60, mountPoints: [mount.mountPoint] });
  await using writer = new Writer(mount);
  assert(await writer.isBlocked());
  session.agentGone(false);
  assertEquals((await session.ended).ended_by, "agent_gone");
  await writer.written();
});

test("file systems are frozen whose mount points are not UTF-8, also if they look the same", async () => {
  await using first = await LoopMount.make();
  await using second = await LoopMount.make();
  await using directory = await TempDirectory.make();
  const move = async (code: string) => {
    const script = `set -e; cd "$1"; name=$(printf "$3"); mkdir -p "$name"; ${code}`;
    await sh(script, directory.path, first.mountPoint, "\\377 x");
    await sh(script, directory.path, second.mountPoint, "\\376 x");
  };
  await move('mount --move "$2" "$name"');
  await using _moved = {
    [Symbol.asyncDispose]: () => move('mount --move "$name" "$2"; rmdir "$name"'),
  };
  const session = new FreezeSession({
    directory: directory.at("run"),
    hooks: new FreezeHooks(directory.at("hooks")),
    // Not the file systems of this machine.
    mounts: async () =>
      (await readBlockMounts(NEVER)).filter(({ mountPoint }) =>
        mountPoint.startsWith(directory.path)
      ),
    cancelled: NEVER,
    onChange: () => {},
  });
  const { frozen } = await session.freeze({ ttlSeconds: 60, mountPoints: undefined });
  assertEquals(frozen.map((path) => path.slice(-3)), ["\udcfe x", "\udcff x"]);
  assertEquals((await session.thaw()).thawed.length, 2);
});

/** A broker as a child of the test, which can be killed. */
async function killable(brokers: Brokers, mount: LoopMount) {
  const [program = "", ...args] = await brokerCommand([
    `--config=${brokers.configFile}`,
    `--directory=${brokers.directory.at("run")}`,
    `--hooks=${brokers.directory.at("hooks")}`,
  ]);
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const params = { ttl_seconds: 60, mount_points: [mount.mountPoint] };
  const request = { operation: "fs_freeze", params, sent_at_ms: Date.now() };
  await writer.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assertStringIncludes(new TextDecoder().decode(value), mount.mountPoint);
  return {
    child,
    end: async () => {
      await child.status;
      await reader.cancel();
      await writer.close().catch(() => {});
    },
  };
}

test("SIGTERM, as when the guest shuts down, thaws at once", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  const { child, end } = await killable(brokers, mount);
  await using writer = new Writer(mount);
  assert(await writer.isBlocked());
  child.kill("SIGTERM");
  await writer.written();
  await end();
});

test("what a killed broker has left frozen, another one thaws", async () => {
  await using mount = await LoopMount.make();
  await using brokers = await Brokers.start();
  const { child, end } = await killable(brokers, mount);
  child.kill("SIGKILL");
  await end();
  await using writer = new Writer(mount);
  assert(await writer.isBlocked());
  assertEquals((await status(brokers.client)).frozen, [mount.mountPoint]);
  assertEquals((await thaw(brokers.client)).thawed, [mount.mountPoint]);
  await writer.written();
});
