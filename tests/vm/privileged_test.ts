/**
 * The broker and freezing in a real guest: what only systemd, the kernel and a frozen root can show.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as z from "zod";
import { AnswerError } from "../../host/errors.ts";
import { printError } from "../../lib/base/terminal.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { slowdown } from "../../scripts/vm/patience.ts";
import { COMMAND_FAILED } from "../_error_codes.ts";
import { until } from "../_waiting.ts";
import { bootGuest } from "./_guest.ts";
import { mainPid } from "./_service.ts";

const SECOND = "/dev/shm/second";
/** Half a minute, and what a loaded machine takes. */
const RETURN_MS = 240_000;

/** A second file system, and a writer on the root that notes when it could write. */
const PREPARE = `set -e
truncate -s 32M /dev/shm/image
mkfs.ext4 -q /dev/shm/image
mkdir -p ${SECOND}
mount -o loop /dev/shm/image ${SECOND}
setsid sh -c 'while :; do read up _ </proc/uptime; echo "$up" >>/var/tmp/writes; sleep 0.1; done' \\
  >/dev/null 2>&1 </dev/null &`;

/** A command of the host's that speaks to the broker's socket itself. */
const INTRUDER = `use Socket;
socket(S, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
connect(S, sockaddr_un("/run/kvmmanager-agent-privileged.sock")) or die "connect: $!";
syswrite(S, '{"operation":"fs_freeze","params":{"ttl_seconds":60},"sent_at_ms":0}' . "\\n");
sysread(S, my $answer, 10000);
print $answer;`;

const Executed = z.looseObject({ stdout: z.string(), stderr: z.string() });
const Frozen = z.looseObject({ frozen: z.array(z.string()) });
const Thawed = z.looseObject({ thawed: z.array(z.string()), ended_by: z.nullable(z.string()) });

async function call(guest: Guest, method: string, params: object = {}): Promise<unknown> {
  const client = await guest.client();
  await using _client = client;
  return await client.callUnchecked(method, params, { timeoutMs: 120_000 * slowdown() });
}

/** The longest time in seconds in which the writer could not write. */
async function longestGap(guest: Guest): Promise<number> {
  const times = (await guest.root("cat /var/tmp/writes")).trim().split("\n").map(Number);
  return Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time)));
}

Deno.test("the broker in a guest", async (t) => {
  const guest = await bootGuest();
  await using _guest = guest;
  await guest.root(PREPARE);

  await t.step("it does what the agent asks for", async () => {
    const start = performance.now();
    const result = await call(guest, "fs_freeze_status");
    printError(`fs_freeze_status through the broker: ${Math.round(performance.now() - start)} ms`);
    assertEquals(result, { frozen: [] });
  });

  await t.step("a command of the host's reaches the socket, and is refused", async () => {
    const params = { command: "perl", args: ["-e", INTRUDER], timeout_seconds: 60 };
    const { stdout, stderr } = z.parse(Executed, await call(guest, "exec_command", params));
    assertStringIncludes(stdout, "only the agent may use the broker", stderr);
    assertEquals(await call(guest, "fs_freeze_status"), { frozen: [] });
  });

  await t.step(
    "the root and a second file system are frozen: programs wait, the agent answers",
    async () => {
      const { frozen } = z.parse(Frozen, await call(guest, "fs_freeze", { ttl_seconds: 600 }));
      assertEquals(frozen, [SECOND, "/"]);
      await call(guest, "ping");
      const before = Number(await guest.root("wc -l </var/tmp/writes"));
      await guest.root("sleep 2");
      assertEquals(
        Number(await guest.root("wc -l </var/tmp/writes")),
        before,
        "nothing is written",
      );
      const refused = await assertRejects(
        () => call(guest, "exec_command", { command: "true" }),
        AnswerError,
      );
      assertEquals(refused.code, COMMAND_FAILED);
      assertMatch(refused.message, /frozen/);
      assertEquals(z.parse(Thawed, await call(guest, "fs_thaw")), {
        thawed: ["/", SECOND],
        problems: [],
        ended_by: "request",
      });
      await call(guest, "exec_command", { command: "true" });
      assert(await longestGap(guest) >= 2);
    },
  );

  await t.step("the record is in the journal", async () => {
    const journal = await guest.root("journalctl --no-pager -o cat -t kvmmanager-agent-privileged");
    assertMatch(journal, /"event":"begin","operation":"fs_freeze"/);
    assertMatch(journal, /"event":"thawed","ended_by":"request"/);
    assertMatch(journal, /"event":"refused"/);
  });

  await t.step("the root is thawed when ttl_seconds are over", async () => {
    await call(guest, "fs_freeze", { ttl_seconds: 3 });
    await until(
      async () => z.parse(Frozen, await call(guest, "fs_freeze_status")).frozen.length === 0,
      "the thaw",
      RETURN_MS,
    );
    assertEquals(z.parse(Thawed, await call(guest, "fs_thaw")).ended_by, "ttl");
  });

  await t.step(
    "the root is thawed 30 s after the agent was killed, and the agent is back",
    async () => {
      const pid = await mainPid(guest);
      await guest.root(": >/var/tmp/writes");
      await call(guest, "fs_freeze", { ttl_seconds: 600 });
      await guest.root(`kill -KILL ${pid}`);
      const start = performance.now();
      await guest.ready(RETURN_MS);
      printError(`agent_ready ${((performance.now() - start) / 1000).toFixed(1)} s after SIGKILL`);
      await until(
        async () => Number(await guest.root("wc -l </var/tmp/writes")) > 20,
        "the writer goes on",
        RETURN_MS,
      );
      const gap = await longestGap(guest);
      printError(`the writer waited ${gap.toFixed(1)} s`);
      assert(gap >= 29, `${gap} s`);
      assertEquals(await call(guest, "fs_freeze_status"), { frozen: [] });
    },
  );
});
