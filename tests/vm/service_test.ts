/**
 * The service: confined by the kernel, killed, stopped, hung, on a full disk and on a read-only one.
 *
 * Durations are counted in the guest: a loaded machine slows its clock and its work alike.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertObjectMatch, assertRejects } from "@std/assert";
import * as z from "zod";
import type { AgentClient } from "../../host/client.ts";
import { AnswerError } from "../../host/errors.ts";
import { printError } from "../../lib/base/terminal.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { runTool } from "../../scripts/vm/tools.ts";
import { DESK_BYTES } from "../../scripts/vm/tree.ts";
import { ROOT } from "../_deno.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { bootGuest } from "./_guest.ts";
import { SOURCES } from "./_later_versions.ts";
import { mainPid, peakMemory, secondsOf, SERVICE } from "./_service.ts";
import { COMMAND_FAILED, PERMISSION_DENIED } from "../_error_codes.ts";

/** The service manager's part of a restart: RestartSec=100ms, and the guest's own work. */
const MAX_RESTART_SECONDS = 3;
const LARGE = 40_000;

/** Calls the agent over a new connection. */
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

/** Seconds in the guest from the last end of the service to its start, and to the agent's "ready". */
async function lastReturn(guest: Guest): Promise<{ restart: number; ready: number }> {
  // The agent answers before the journal has its last line.
  const lines = (await guest.root(
    `seen() { journalctl -u ${SERVICE} --no-pager -o short-monotonic |
       grep -oE '^.*(Main process exited|Started|agent ready)' | tail -n 3; }
     until seen | tail -n 1 | grep -q 'agent ready'; do sleep .2; done; seen`,
  )).trim().split("\n");
  const at = (line = "", event: string) => {
    assert(line.endsWith(event), lines.join("\n"));
    return parseFloat(line.slice(1));
  };
  const exited = at(lines[0], "Main process exited");
  return {
    restart: at(lines[1], "Started") - exited,
    ready: at(lines[2], "agent ready") - exited,
  };
}

const refused = async (work: Promise<unknown>): Promise<AnswerError> =>
  await assertRejects(() => work, AnswerError);

Deno.test("the service", async (t) => {
  const guest = await bootGuest({ deskBytes: DESK_BYTES });
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
    "reads and writes only what its user and its configuration allow",
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

  await t.step("has no network socket and no listening unix socket", async () => {
    const pid = await mainPid(guest);
    assertEquals(await guest.root(`ss -H -a -n -t -u -w -p | grep 'pid=${pid},' || true`), "");
    assertEquals(
      await guest.root(`ss -H -l -x -p | grep -v u_dgr | grep 'pid=${pid},' || true`),
      "",
    );
  });

  await t.step(
    "has a control group with 50 MiB that its commands cannot enter or change",
    async () => {
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
          `echo ${pid} > ${directory}/../commands/cgroup.procs`,
          `echo ${pid} >&9`,
          `for fd in /proc/[0-9]*/fd/9; do echo ${pid} > $fd && exit; done; exit 1`,
          `echo max > ${directory}/memory.max`,
          `echo max > ${directory}/../commands/memory.max`,
          `echo max > ${directory}/../memory.max`,
          `mkdir ${directory}/../escape`,
          `echo $$ > /sys/fs/cgroup/cgroup.procs`,
        ]
      ) {
        assert((await shell(guest, escape)).exit_code !== 0, escape);
      }
      assertEquals((await guest.root(`cut -d: -f3 /proc/${pid}/cgroup`)).trim(), own);
    },
  );

  await t.step("survives a command that uses up the memory of all commands", async () => {
    const pid = await mainPid(guest);
    const eaten = await withAgent(
      guest,
      (client) => client.call("exec_command", { command: "tail", args: ["/dev/zero"] }),
    );
    assertEquals([eaten.exit_code, eaten.signal], [137, "SIGKILL"]);
    assertEquals(await mainPid(guest), pid);
    assertEquals((await shell(guest, "echo again")).stdout, "again\n");
  });

  await t.step("commands have the usual soft limit of open files", async () => {
    assertEquals((await shell(guest, "ulimit -Sn")).stdout, "1024\n");
  });

  await t.step("the journal and `systemctl status` show the log and the agent's name", async () => {
    const journal = await guest.root(`journalctl -u ${SERVICE} --no-pager -o cat`);
    assertMatch(journal, /"message":"agent ready"/);
    const status = await guest.root(`systemctl status --no-pager ${SERVICE}`);
    assertMatch(status, /Main PID: \d+ \(kvmmanager-agen\)/);
    assertMatch(status, /"message":"/);
  });

  await t.step("the boot has made the default directories, owned by the agent", async () => {
    assertEquals(
      await guest.root("stat -c '%U:%G %a %n' /tmp/kvmmanager /var/log/kvmmanager-agent"),
      "kvmmanager-agent:kvmmanager-agent 755 /tmp/kvmmanager\n" +
        "kvmmanager-agent:adm 750 /var/log/kvmmanager-agent\n",
    );
  });

  await t.step("no command can read or write the agent's memory or descriptors", async () => {
    // pidfd_open(2) and pidfd_getfd(2), which the sandbox refuses, and what the kernel refuses.
    const attack = `pid=$PPID
      ls /proc/$pid/fd; head -c 1 /proc/$pid/environ; (: </proc/$pid/mem)
      perl -e '
        my $pid = shift; my $fd = syscall(434, $pid + 0, 0);
        print "pidfd_getfd ", syscall(438, $fd, 0, 0), " $!\n";
        print "open ", (open(my $f, "+<", "/proc/$pid/mem") ? 0 : -1), " $!\n";' $pid`;
    const { stdout, stderr } = await shell(guest, `: ; ${attack}`);
    assertMatch(stdout, /^pidfd_getfd -1 .*\nopen -1 Permission denied\n$/);
    assertEquals(stderr.match(/Permission denied/g)?.length, 3, stderr);
    const pid = await mainPid(guest);
    // The same user outside the sandbox.
    const outside = await guest.root(
      `setpriv --reuid=kvmmanager-agent --regid=kvmmanager-agent --clear-groups perl -e '
        my $pid = shift; my $fd = syscall(434, $pid + 0, 0);
        print syscall(438, $fd, 0, 0), " $!\n";' ${pid}`,
    );
    assertEquals(outside, "-1 Operation not permitted\n");
    assertEquals((await withAgent(guest, (client) => client.call("ping"))).pong, true);
  });

  await t.step("restarts quickly when killed, and the file being written is whole", async () => {
    const path = "/tmp/kvmmanager/whole";
    const old = "o".repeat(LARGE);
    await write(guest, path, old);
    for (let time = 0; time < 2; time++) {
      const client = await guest.client();
      await using _client = client;
      const writing = client.call("file_write", { path, content: "n".repeat(LARGE) })
        .catch(() => undefined);
      const pid = await mainPid(guest);
      // An agent that is still dying could greet the next host.
      await guest.root(`kill -9 ${pid}; while [ -d /proc/${pid} ]; do sleep .1; done`);
      await client.close();
      await writing;
      await guest.ready();
      const { restart, ready } = await lastReturn(guest);
      printError(
        `after SIGKILL: started ${restart.toFixed(2)} s later, ready ${ready.toFixed(1)} s later`,
      );
      assert(restart < MAX_RESTART_SECONDS, `${restart} s in the guest`);
      const content = await guest.root(`cat ${path}`);
      assert(content === old || content === "n".repeat(LARGE), `${content.length} bytes`);
      await write(guest, path, old);
    }
  });

  await t.step("waits longer after each failure in a row", async () => {
    const start = "/usr/lib/kvmmanager-agent/start";
    // The agent fails at once; the script that counts is the real one.
    await guest.root(
      `sed 's|^agent=.*|agent=/bin/false|' ${start} >/usr/local/sbin/failing-start; chmod 755 /usr/local/sbin/failing-start
       mkdir -p /run/systemd/system/${SERVICE}.d
       printf '[Service]\nExecStart=\nExecStart=!/usr/local/sbin/failing-start\n' >/run/systemd/system/${SERVICE}.d/failing.conf
       systemctl daemon-reload; systemctl restart ${SERVICE} || :
       until journalctl -u ${SERVICE} -o cat | grep -q "waiting 4 s"; do sleep 1; done`,
      220_000,
    );
    const waits = (await guest.root(
      `journalctl -u ${SERVICE} -o cat --no-pager | grep -o 'waiting [0-9]* s' | tail -n 3`,
    )).trim().split("\n");
    assertEquals(waits, ["waiting 1 s", "waiting 2 s", "waiting 4 s"]);
    await guest.root(
      `rm -r /run/systemd/system/${SERVICE}.d; systemctl daemon-reload; systemctl restart ${SERVICE}`,
    );
    await guest.ready();
    assertEquals((await shell(guest, "echo fine")).stdout, "fine\n");
  });

  await t.step("is not restarted with an invalid configuration", async () => {
    const file = "/etc/kvmmanager-agent/config.json";
    await guest.root(
      `cp ${file} /root/config.json; echo '{' >${file}; systemctl restart ${SERVICE}`,
    );
    await guest.root(
      `until systemctl is-failed -q ${SERVICE}; do sleep .2; done`,
      120_000,
    );
    assertEquals(
      await guest.root(`systemctl show -P ExecMainStatus -P SubState -P NRestarts ${SERVICE}`),
      "0\n78\nfailed\n",
    );
    await guest.root(`cp /root/config.json ${file}; systemctl restart ${SERVICE}`);
    await guest.ready();
  });

  await t.step("a stopped agent is killed by the watchdog and restarted", async () => {
    const pid = await mainPid(guest);
    await guest.root(`kill -STOP ${pid}`);
    await guest.ready();
    assert(await mainPid(guest) !== pid, "a new process");
    const journal = await guest.root(`journalctl -u ${SERVICE} --no-pager -o cat`);
    assertMatch(journal, /Watchdog timeout \(limit 1min\)/);
  });

  await t.step("restarts and stops within seconds while idle", async () => {
    const restart = await secondsOf(guest, `systemctl restart ${SERVICE}`);
    await guest.ready();
    const stop = await secondsOf(guest, `systemctl stop ${SERVICE}`);
    printError(`idle: restarted in ${restart} s, stopped in ${stop} s`);
    await guest.root(`systemctl start ${SERVICE}`);
    await guest.ready();
    assert(restart < 10 && stop < 10, `${restart} s, ${stop} s`);
  });

  await t.step(
    "stops with work in progress, and ends its children",
    async () => {
      const client = await guest.client();
      await using _client = client;
      const sleeping = client.call("exec_command", { command: "sleep", args: ["4321"] })
        .catch(() => undefined);
      await guest.root("until pgrep -x sleep; do :; done");
      const seconds = await secondsOf(guest, `systemctl stop ${SERVICE}`);
      printError(`with a command in flight: stopped in ${seconds} s`);
      assertEquals((await guest.tryRoot("pgrep -x sleep")).stdout, "");
      await client.close();
      await sleeping;
      await guest.root(`systemctl start ${SERVICE}`);
      await guest.ready();
      // Five seconds for the work, and the guest's own work.
      assert(seconds < 12, `${seconds} s in the guest`);
    },
  );

  await t.step("on a full disk: a clear error, and the old file is intact", async () => {
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

  await t.step("starts and serves on a read-only root", async () => {
    await guest.root(
      // As after an upgrade: the runtime does not know the program yet, and cannot write it down.
      `systemctl stop ${SERVICE}; rm -rf /var/cache/kvmmanager-agent/*; sync; echo u > /proc/sysrq-trigger; sleep 1; ! touch /tmp/x`,
    );
    await guest.root(`systemctl start ${SERVICE}`);
    await guest.ready();
    assertEquals((await shell(guest, "echo fine")).stdout, "fine\n");
    assertEquals((await withAgent(guest, (client) => client.call("ping"))).pong, true);
    const peakMiB = await peakMemory(guest, await mainPid(guest));
    assert(peakMiB < 50, `${peakMiB} MiB`);
    await guest.root(`mount -o remount,rw /`);
  });

  // Last: it replaces the agent.
  await t.step("`deno task install:dev` puts a changed method into the running guest", async () => {
    await using copy = await TempDirectory.make();
    await runTool("cp", ["-r", ...SOURCES.map((name) => `${ROOT}${name}`), copy.path]);
    const ping = copy.at("handlers/agent/ping.ts");
    const source = await Deno.readTextFile(ping);
    const changed = source.replace("z.int() }", "z.int(), changed: z.boolean() }")
      .replace("run: () => ({", "run: () => ({ changed: true,");
    await Deno.writeTextFile(ping, changed);
    await copy.directory("dist");
    await Deno.symlink(guest.machine.directory, copy.at("dist/dev-guest"));
    await guest.root('echo \'{"log_level": "debug"}\' > /etc/kvmmanager-agent/config.json');
    const printed = await runTool(Deno.execPath(), ["run", "-A", "scripts/install_dev.ts"], {
      cwd: copy.path,
    });
    assertMatch(printed, /^the agent of these sources is ready in the guest, after [\d.]+ s\n$/);
    const answer = await withAgent(guest, (client) => client.callUnchecked("ping"));
    assertObjectMatch(z.parse(z.looseObject({}), answer), { pong: true, changed: true });
    const kept = await guest.root("cat /etc/kvmmanager-agent/config.json");
    assertEquals(kept, '{"log_level": "debug"}\n', "the guest's configuration");
  });
});
