/**
 * Faults that need a whole guest: a clock that jumps, a disk that fails.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { AnswerError } from "../../host/errors.ts";
import { printError } from "../../lib/base/terminal.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { bootGuest } from "./_guest.ts";
import { mainPid } from "./_service.ts";
import { COMMAND_FAILED, TIMEOUT } from "../_error_codes.ts";

const PIECE = 45_000;
const DISK = "/tmp/kvmmanager/disk";

/** An 8 MB file system that fails beyond its first megabyte, with a file that is mostly there. */
const BREAK_DISK = `set -e
truncate -s 8M /root/disk.img
loop=$(losetup --find --show /root/disk.img)
mkfs.ext4 -q -O ^has_journal $loop
install -d -o kvmmanager-agent ${DISK}
mount $loop ${DISK}
chown kvmmanager-agent ${DISK}
head -c 4000000 /dev/urandom > ${DISK}/file
chown kvmmanager-agent ${DISK}/file
umount ${DISK}
printf '0 2048 linear %s 0\\n2048 14336 error\\n' $loop | dmsetup create broken
mount /dev/mapper/broken ${DISK}`;

async function boot(): Promise<Guest> {
  const guest = await bootGuest();
  await guest.root("install -d -o kvmmanager-agent /tmp/kvmmanager");
  return guest;
}

Deno.test("faults in a guest", async (t) => {
  const guest = await boot();
  await using _guest = guest;
  const pid = await mainPid(guest);

  for (const jump of ["+1 day", "-3 days", "+10 years"]) {
    await t.step(`no request ends early or late when the clock jumps by ${jump}`, async () => {
      const client = await guest.client();
      await using _client = client;
      const running = client.call("exec_command", {
        command: "sleep",
        args: ["3"],
        timeout_seconds: 200,
      });
      const late = assertRejects(
        () => client.call("exec_command", { command: "sleep", args: ["1000"], timeout_seconds: 5 }),
        AnswerError,
      );
      // CLOCK_MONOTONIC in the guest, which the jump does not change.
      const uptime = async () => parseFloat(await guest.root("cat /proc/uptime"));
      const before = await uptime();
      await guest.root(`date -s '${jump}'`);
      assertEquals((await running).exit_code, 0);
      assertEquals((await late).code, TIMEOUT);
      const seconds = await uptime() - before;
      assert(seconds >= 2 && seconds < 120, `${seconds} s in the guest`);
      const clock = Number(await guest.root("date +%s"));
      const { timestamp } = await client.call("ping");
      assert(Math.abs(timestamp - clock) <= 60, `${timestamp}, ${clock}`);
    });
  }

  await t.step("a failing disk fails the request and nothing else", async () => {
    await guest.root(BREAK_DISK);
    const client = await guest.client();
    await using _client = client;
    const path = `${DISK}/file`;
    const failed = await assertRejects(async () => {
      for (let offset = 0; offset < 4_000_000; offset += PIECE) {
        await client.call("file_read", { path, encoding: "base64", offset, length: PIECE });
      }
    }, AnswerError);
    printError(`reading from a failing disk: ${failed.reason}`);
    assertEquals(failed.code, COMMAND_FAILED);
    assertMatch(failed.reason, /os error (5|117)|input\/output|structure needs/i);
    const written = await client.call("file_write", { path, content: "x".repeat(PIECE) })
      .then(
        () => "written",
        (error) => error instanceof AnswerError ? error.reason : String(error),
      );
    printError(`writing to a failing disk: ${written}`);
    assertEquals((await client.call("ping")).pong, true);
    await guest.tryRoot(`umount -l ${DISK}`);
  });

  assertEquals(await mainPid(guest), pid, "the same process throughout");
});
