/**
 * The service: killed, restarted, confined by the kernel, on a full disk and on a read-only one.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { AgentClient } from "../../host/client.ts";
import { AnswerError } from "../../host/errors.ts";
import { printError } from "../../lib/base/terminal.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { bootGuest } from "./_guest.ts";
import { mainPid, secondsOf, SERVICE } from "./_service.ts";
import { COMMAND_FAILED, PERMISSION_DENIED } from "../_error_codes.ts";

const BACK_MS = 10_000;
const LARGE = 40_000;

/** Works with the agent over a connection of its own. */
async function withAgent<T>(guest: Guest, work: (client: AgentClient) => Promise<T>): Promise<T> {
  const client = await guest.client();
  await using _client = client;
  return await work(client);
}

const shell = (guest: Guest, script: string) =>
  withAgent(
    guest,
    (client) => client.call("exec_command", { command: "/bin/sh", args: ["-c", script] }),
  );

const write = (guest: Guest, path: string, content: string) =>
  withAgent(guest, (client) => client.call("file_write", { path, content, create_dirs: true }));

const refused = async (work: Promise<unknown>): Promise<AnswerError> =>
  await assertRejects(() => work, AnswerError);

Deno.test("the service", async (t) => {
  const guest = await bootGuest();
  await using _guest = guest;

  await t.step("runs as its own user, without capabilities or new privileges", async () => {
    const pid = await mainPid(guest);
    const status = await guest.root(`cat /proc/${pid}/status; id -u kvmmanager-agent`);
    const uid = status.trim().split("\n").at(-1);
    assertMatch(status, new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, "m"));
    assertMatch(status, /^CapEff:\t0+$/m);
    assertMatch(status, /^CapBnd:\t0+$/m);
    assertMatch(status, /^NoNewPrivs:\t1$/m);
    assertMatch(status, /^Seccomp:\t2$/m);
  });

  await t.step(
    "reads and writes nothing that its user or its configuration does not allow",
    async () => {
      const read = (path: string) =>
        withAgent(guest, (client) => client.call("file_read", { path }));
      assertEquals((await refused(read("/etc/shadow"))).code, PERMISSION_DENIED);
      assertEquals((await refused(write(guest, "/etc/kvmmanager", "x"))).code, PERMISSION_DENIED);
      assertEquals((await refused(write(guest, "/usr/bin/x", "x"))).code, PERMISSION_DENIED);
      const shadow = await shell(guest, "cat /etc/shadow");
      assertEquals([shadow.exit_code, shadow.stdout], [1, ""]);
      const outside = await shell(
        guest,
        "echo x > /etc/kvmmanager; echo x > /usr/x; echo x > /root/x",
      );
      assert(outside.exit_code !== 0);
      const found = await guest.tryRoot("ls -d /etc/kvmmanager /usr/bin/x /usr/x /root/x");
      assertEquals(found.stdout, "");
    },
  );

  await t.step("listens nowhere, and speaks to no network", async () => {
    const pid = await mainPid(guest);
    assertEquals(await guest.root(`ss -H -a -n -t -u -w -p | grep 'pid=${pid},' || true`), "");
    assertEquals(await guest.root(`ss -H -l -x -p | grep 'pid=${pid},' || true`), "");
  });

  await t.step("has 50 MB for itself, which its commands neither share nor reach", async () => {
    const pid = await mainPid(guest);
    const own = (await guest.root(`cut -d: -f3 /proc/${pid}/cgroup`)).trim();
    assertMatch(own, /kvmmanager-agent\.service\/agent$/);
    const directory = `/sys/fs/cgroup${own}`;
    assertEquals(
      (await guest.root(`cat ${directory}/memory.max`)).trim(),
      String(50 * 1024 * 1024),
    );
    const theirs = await shell(guest, "cut -d: -f3 /proc/self/cgroup");
    assertMatch(theirs.stdout, /kvmmanager-agent\.service\/commands\n$/);
    for (
      const escape of [
        `echo $$ > ${directory}/cgroup.procs`,
        `echo max > ${directory}/memory.max`,
        `echo max > ${directory}/../commands/memory.max`,
        `echo max > ${directory}/../memory.max`,
        `mkdir ${directory}/../escape`,
        `echo $$ > /sys/fs/cgroup/cgroup.procs`,
      ]
    ) {
      assert((await shell(guest, escape)).exit_code !== 0, escape);
    }
  });

  await t.step("lives on when a command eats all the memory that commands may have", async () => {
    const pid = await mainPid(guest);
    const eaten = await withAgent(
      guest,
      (client) => client.call("exec_command", { command: "tail", args: ["/dev/zero"] }),
    );
    assertEquals([eaten.exit_code, eaten.signal], [137, "SIGKILL"]);
    assertEquals(await mainPid(guest), pid);
    assertEquals((await shell(guest, "echo again")).stdout, "again\n");
  });

  await t.step(
    "is back in ten seconds when it was killed, and the file being written is whole",
    async () => {
      const path = "/tmp/kvmmanager/whole";
      const old = "o".repeat(LARGE);
      await write(guest, path, old);
      for (let time = 0; time < 3; time++) {
        const client = await guest.client();
        await using _client = client;
        const writing = client.call("file_write", { path, content: "n".repeat(LARGE) })
          .catch(() => undefined);
        await guest.root(`kill -9 $(systemctl show -P MainPID ${SERVICE})`);
        const start = performance.now();
        await client.close();
        await writing;
        await guest.ready(2 * BACK_MS);
        const took = performance.now() - start;
        printError(`back ${(took / 1000).toFixed(1)} s after SIGKILL`);
        assert(took < BACK_MS, `${took} ms`);
        const content = await guest.root(`cat ${path}`);
        assert(content === old || content === "n".repeat(LARGE), `${content.length} bytes`);
        await write(guest, path, old);
      }
      const files = await guest.root("ls -A /tmp/kvmmanager");
      printError(`left in the directory: ${files.trim().split("\n").join(" ")}`);
    },
  );

  await t.step("restarts and stops in under a second while idle", async () => {
    const restart = await secondsOf(guest, `systemctl restart ${SERVICE}`);
    await guest.ready();
    const stop = await secondsOf(guest, `systemctl stop ${SERVICE}`);
    printError(`idle: restarted in ${restart} s, stopped in ${stop} s`);
    await guest.root(`systemctl start ${SERVICE}`);
    await guest.ready();
    assert(restart < 1 && stop < 1, `${restart} s, ${stop} s`);
  });

  await t.step(
    "stops within five seconds with work in flight, whose children it ends",
    async () => {
      const client = await guest.client();
      await using _client = client;
      const sleeping = client.call("exec_command", { command: "sleep", args: ["4321"] })
        .catch(() => undefined);
      await guest.root("timeout 20 sh -c 'until pgrep -x sleep; do :; done'");
      const seconds = await secondsOf(guest, `systemctl stop ${SERVICE}`);
      printError(`with a command in flight: stopped in ${seconds} s`);
      assertEquals((await guest.tryRoot("pgrep -x sleep")).stdout, "");
      await client.close();
      await sleeping;
      await guest.root(`systemctl start ${SERVICE}`);
      await guest.ready();
      assert(seconds < 7, `${seconds} s`);
    },
  );

  await t.step("on a full disk: a clear error, and the old file is whole", async () => {
    const directory = "/tmp/kvmmanager/full";
    await guest.root(
      `install -d -o kvmmanager-agent ${directory}; mount -t tmpfs -o size=64k tmpfs ${directory}; ` +
        `chown kvmmanager-agent ${directory}`,
    );
    const path = `${directory}/file`;
    await write(guest, path, "old");
    await guest.root(`head -c 60k /dev/zero > ${directory}/filler || true`);
    const error = await refused(write(guest, path, "n".repeat(LARGE)));
    assertEquals(error.code, COMMAND_FAILED);
    assertMatch(error.reason, /no space/i);
    const left = await guest.root(`cat ${path}; echo; ls -A ${directory}`);
    assertEquals(left, "old\nfile\nfiller\n");
    await guest.root(`umount ${directory}`);
  });

  await t.step("on a read-only root: it starts and serves", async () => {
    await guest.root(
      `systemctl stop ${SERVICE}; sync; echo u > /proc/sysrq-trigger; sleep 1; ! touch /tmp/x`,
    );
    await guest.root(`systemctl start ${SERVICE}`);
    await guest.ready();
    assertEquals((await shell(guest, "echo fine")).stdout, "fine\n");
    assertEquals((await withAgent(guest, (client) => client.call("ping"))).pong, true);
    await guest.root(`mount -o remount,rw /`);
  });
});
