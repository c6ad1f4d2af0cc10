import { assert, assertEquals, assertRejects } from "@std/assert";
import { AgentClient } from "../../host/client.ts";
import { CallError } from "../../host/errors.ts";
import { ChannelLock } from "../../host/lock.ts";
import { timed } from "../_waiting.ts";
import { namesIn, TempDirectory } from "../lib/_helpers.ts";
import { ScriptedAgent } from "./_scripted_agent.ts";
import { socketAt } from "./_sockets.ts";

/** A directory with a socket in it. */
async function channel(directory: TempDirectory): Promise<string> {
  const socket = directory.at("vm.sock");
  await socketAt(socket);
  return socket;
}

Deno.test("ChannelLock is held by one program, which others are told about", async () => {
  await using directory = await TempDirectory.make();
  const socket = await channel(directory);
  {
    const first = await ChannelLock.acquire(socket, "first program");
    assert(first !== undefined);
    using _first = first;
    const { value, ms } = await timed(() =>
      assertRejects(() => ChannelLock.acquire(socket, "second"), CallError)
    );
    assertEquals(value.reason, "in use");
    assert(value.message.includes(`in use by first program (process ${Deno.pid})`), value.message);
    assert(ms < 5000, `${ms} ms`);
  }
  assertEquals(await namesIn(directory.path), ["vm.sock"]);
  const next = await ChannelLock.acquire(socket, "next");
  assert(next !== undefined);
  next[Symbol.dispose]();
  next[Symbol.dispose]();
});

Deno.test("ChannelLock waits a moment for a short command to finish", async () => {
  await using directory = await TempDirectory.make();
  const socket = await channel(directory);
  const first = await ChannelLock.acquire(socket, "first");
  const second = ChannelLock.acquire(socket, "second");
  first?.[Symbol.dispose]();
  const lock = await second;
  assert(lock !== undefined);
  lock[Symbol.dispose]();
});

Deno.test("ChannelLock gives one of many programs at a time the lock", async () => {
  await using directory = await TempDirectory.make();
  const socket = await channel(directory);
  let holders = 0;
  let most = 0;
  const results = await Promise.allSettled(Array.from({ length: 20 }, async () => {
    const lock = await ChannelLock.acquire(socket, "one of many");
    assert(lock !== undefined);
    using _lock = lock;
    holders += 1;
    most = Math.max(most, holders);
    await Promise.resolve();
    holders -= 1;
  }));
  assertEquals(most, 1);
  assert(results.some(({ status }) => status === "fulfilled"));
  assertEquals(await namesIn(directory.path), ["vm.sock"]);
});

Deno.test("ChannelLock is not taken on a file that has been replaced meanwhile", async () => {
  await using directory = await TempDirectory.make();
  const socket = await channel(directory);
  for (let round = 0; round < 8; round++) {
    // A stale file at the start of each round: all of them find it, and one at a time may have it.
    await directory.file("vm.sock.lock", "stale");
    let holders = 0;
    await Promise.allSettled(Array.from({ length: 4 }, async () => {
      const lock = await ChannelLock.acquire(socket, "one of four");
      holders += 1;
      assertEquals(holders, 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      holders -= 1;
      lock?.[Symbol.dispose]();
    })).then((results) => {
      for (const result of results) {
        const isRefusal = result.status === "rejected" && result.reason instanceof CallError;
        assert(result.status === "fulfilled" || isRefusal, `${JSON.stringify(result)}`);
      }
    });
  }
});

Deno.test("ChannelLock ignores a file that a killed process has left behind", async () => {
  await using directory = await TempDirectory.make();
  const socket = await channel(directory);
  await directory.file("vm.sock.lock", '{"pid":1,"command":"killed long ago"}\n');
  const lock = await ChannelLock.acquire(socket, "this");
  assert(lock !== undefined);
  using _lock = lock;
  const error = await assertRejects(() => ChannelLock.acquire(socket, "other"), CallError);
  assert(error.message.includes("in use by this"), error.message);
});

Deno.test("ChannelLock names nobody if the file does not say who holds it", async () => {
  await using directory = await TempDirectory.make();
  const socket = await channel(directory);
  const path = await directory.file("vm.sock.lock", "not JSON");
  const held = await Deno.open(path);
  using _held = held;
  await held.lock(true);
  await assertRejects(() => ChannelLock.acquire(socket, "this"), CallError, "another program");
});

for (
  const [what, plant] of [
    ["a symbolic link", (path: string, victim: string) => Deno.symlink(victim, path)],
    ["a directory", (path: string) => Deno.mkdir(path)],
    [
      "nothing, where there is no socket either",
      (_path: string, _victim: string, socket: string) => Deno.remove(socket),
    ],
  ] as const
) {
  Deno.test(`ChannelLock does without a lock where it finds ${what}, and changes nothing`, async () => {
    await using directory = await TempDirectory.make();
    const socket = await channel(directory);
    const victim = await directory.file("victim", "precious");
    await plant(`${socket}.lock`, victim, socket);
    const before = await namesIn(directory.path);
    assertEquals(await ChannelLock.acquire(socket, "this"), undefined);
    assertEquals(await Deno.readTextFile(victim), "precious");
    assertEquals(await namesIn(directory.path), before);
  });
}

Deno.test("AgentClient releases the lock when it is closed, and when it cannot connect", async () => {
  await using directory = await TempDirectory.make();
  const socket = await channel(directory);
  const lockAs = "this";
  await assertRejects(
    () => AgentClient.connect(socket, { lockAs }),
    CallError,
    "no process serves",
  );
  assertEquals(await namesIn(directory.path), ["vm.sock"]);
  await Deno.remove(socket);
  await using agent = new ScriptedAgent(socket);
  {
    await using client = await AgentClient.connect(socket, { lockAs });
    await client.call("ping");
    await assertRejects(() => AgentClient.connect(socket, { lockAs }), CallError, "in use by this");
  }
  await using client = await AgentClient.connect(socket, { lockAs });
  agent.hangUp();
  await assertRejects(() => client.call("ping"), CallError);
  assertEquals(await namesIn(directory.path), ["vm.sock"]);
});
