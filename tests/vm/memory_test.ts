/**
 * The memory of the agent's process in a guest, under the loads of the bench.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { printError } from "../../lib/base/terminal.ts";
import { bootGuest } from "./_guest.ts";
import { configure, mainPid, peakMemory } from "./_service.ts";

const MOST_MIB = 50;
// Fewer than natively, where the same loads are higher: the processor is emulated.
const PINGS = 5000;
const OUTSTANDING = 64;
const PIECE = 45_000;
/** With the agent's own memory more than the 50 MiB of its control group. */
const TMPFS_BYTES = 36_000_000;
const READ_BYTES = 10_000_000;
/** Kept whole, it would exceed the limit. */
const LINE_BYTES = 12_000_000;
const CHUNK = new Uint8Array(1_000_000).fill(0x61);

Deno.test("the agent stays within 50 MiB under the loads of the bench", async () => {
  const guest = await bootGuest();
  await using _guest = guest;
  await configure(guest, {
    max_requests_per_second: 1_000_000,
    security: { max_file_size_mb: 64 },
  });
  await guest.root(
    "mount -t tmpfs -o size=64M,mode=0755,uid=kvmmanager-agent none /tmp/kvmmanager",
  );
  const pid = await mainPid(guest);
  const peak = async (what: string) => {
    const mib = await peakMemory(guest, pid);
    printError(`peak after ${what}: ${mib.toFixed(1)} MiB`);
    assert(mib <= MOST_MIB, `${mib} MiB after ${what}`);
  };
  await peak("the start");

  {
    const client = await guest.client();
    await using _client = client;
    let sent = 0;
    const one = async () => {
      while (sent++ < PINGS) await client.call("ping");
    };
    await Promise.all(Array.from({ length: OUTSTANDING }, one));
    await peak(`${PINGS} pings`);

    const outputs = await Promise.all(
      Array.from(
        { length: 10 },
        () =>
          client.call("exec_command", { command: "head", args: ["-c", "1000000", "/dev/zero"] }),
      ),
    );
    for (const { stdout_truncated } of outputs) assertEquals(stdout_truncated, true);
    await peak("ten commands printing 1 MB at once");

    const path = "/tmp/kvmmanager/large";
    const content = "A".repeat(PIECE / 3 * 4);
    for (let offset = 0; offset < TMPFS_BYTES; offset += PIECE) {
      await client.call("file_write", { path, encoding: "base64", content, offset });
    }
    await peak(`${TMPFS_BYTES / 1e6} MB written to a tmpfs`);
    await guest.root(`head -c ${READ_BYTES} ${path} >/var/log/large; chmod a+r /var/log/large`);
    for (let offset = 0; offset < READ_BYTES; offset += PIECE) {
      const params = { path: "/var/log/large", encoding: "base64", offset, length: PIECE } as const;
      await client.call("file_read", params);
    }
    await peak("10 MB read");
  }

  {
    const connection = await Deno.connect({ transport: "unix", path: guest.socket });
    using _connection = connection;
    for (let sent = 0; sent < LINE_BYTES;) sent += await connection.write(CHUNK);
  }
  const client = await guest.client();
  await using _client = client;
  assertEquals((await client.call("ping", undefined, { timeoutMs: 60_000 })).pong, true);
  await peak(`a line of ${LINE_BYTES / 1e6} MB`);
  assertEquals(await mainPid(guest), pid, "the same process throughout");
});
