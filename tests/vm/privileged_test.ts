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
import { ToolFailedError } from "../../scripts/vm/tools.ts";
import { slowdown } from "../../scripts/vm/patience.ts";
import { GROUPS } from "../../lib/policy/groups.ts";
import { COMMAND_FAILED, INVALID_PARAMS, NOT_FOUND, PERMISSION_DENIED } from "../_error_codes.ts";
import { until } from "../_waiting.ts";
import { DiskCopy } from "./_disk_copy.ts";
import { bootGuest } from "./_guest.ts";
import { SshLogin } from "./_ssh_login.ts";
import { configure, mainPid } from "./_service.ts";

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

/** Hooks that note in memory what they were told, and one that may fail. */
const HOOKS = `set -e
mkdir -p /etc/kvmmanager-agent/freeze.d
cd /etc/kvmmanager-agent/freeze.d
for name in 10-first 20-second; do
  printf '#!/bin/sh\necho "%s $1" >>/run/hooks\n' $name >$name
done
printf '#!/bin/sh\necho "30-third $1" >>/run/hooks\n[ ! -e /run/hook-fails ]\n' >30-third
chmod 755 *`;

const CONFIG = "/etc/kvmmanager-agent/config.json";
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK9HzPIEAI4IlkFV4Y9OWlHyEJhXgXmRvP8Ka2bEIcVY ci";

/** A service that the host may control, and one that it may not. */
const SERVICES = ["toy", "other"].map((name) =>
  `cat >/run/systemd/system/${name}.service <<'END'
[Service]
ExecStart=/bin/sleep infinity
END`
).join("\n") + "\nsystemctl daemon-reload";

/**
 * A repository with two versions of a package whose script needs a capability that the broker lacks,
 * and a configuration file that changes between them.
 */
const REPOSITORY = `set -e
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/var/tmp/repo ./' >/etc/apt/sources.list
mkdir -p /var/tmp/repo
release() {
  rm -rf /var/tmp/build
  mkdir -p /var/tmp/build/DEBIAN /var/tmp/build/etc
  echo "version $1" >/var/tmp/build/etc/toy-package.conf
  echo /etc/toy-package.conf >/var/tmp/build/DEBIAN/conffiles
  cat >/var/tmp/build/DEBIAN/control <<END
Package: toy-package
Version: $1
Architecture: all
Maintainer: nobody
Description: a toy
END
  printf '#!/bin/sh\nset -e\n[ -e /dev/toy-package ] || mknod /dev/toy-package c 1 3\n' \
    >/var/tmp/build/DEBIAN/postinst
  chmod 755 /var/tmp/build/DEBIAN/postinst
  file=toy-package_$1_all.deb
  dpkg-deb --root-owner-group --build /var/tmp/build "/var/tmp/repo/$file" >/dev/null
  { cat /var/tmp/build/DEBIAN/control
    echo "Filename: ./$file"
    echo "Size: $(stat -c %s "/var/tmp/repo/$file")"
    echo "SHA256: $(sha256sum "/var/tmp/repo/$file" | cut -d ' ' -f 1)"
    echo
  } >/var/tmp/repo/Packages
}
`;

/** Holds the lock of dpkg until it is killed; says when. */
const LOCKER = `use Fcntl; $| = 1;
open(F, ">>/var/lib/dpkg/lock-frontend") or die;
my $lock = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0);
fcntl(F, F_SETLK, $lock) or die;
print "locked\n"; sleep 600;`;

/** A command of the host's that speaks to the broker's socket itself. */
const INTRUDER = `use Socket;
socket(S, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
connect(S, sockaddr_un("/run/kvmmanager-agent-privileged.sock")) or die "connect: $!";
syswrite(S, '{"operation":"fs_freeze","params":{"ttl_seconds":60},"sent_at_ms":0}' . "\\n");
sysread(S, my $answer, 10000);
print $answer;`;

const Job = z.looseObject({ state: z.string(), exit_code: z.optional(z.int()) });
const Output = z.looseObject({ output: z.array(z.looseObject({ data: z.string() })) });
const Executed = z.looseObject({ stdout: z.string(), stderr: z.string() });
const Frozen = z.looseObject({ frozen: z.array(z.string()) });
const TimeSet = z.looseObject({ step_ms: z.number() });
const Trimmed = z.looseObject({
  filesystems: z.array(z.looseObject({
    mount_point: z.string(),
    trimmed_bytes: z.optional(z.int()),
    error: z.optional(z.string()),
  })),
});
const Thawed = z.looseObject({ thawed: z.array(z.string()), ended_by: z.nullable(z.string()) });

async function call(guest: Guest, method: string, params: object = {}): Promise<unknown> {
  const client = await guest.client();
  await using _client = client;
  return await client.callUnchecked(method, params, { timeoutMs: 120_000 * slowdown() });
}

/** Waits for the end of a job that a method has started; returns its exit status and output. */
async function runJob(guest: Guest, method: string, params: object = {}) {
  const job_id = `job-${crypto.randomUUID()}`;
  await call(guest, method, { job_id, ...params });
  const status = async () =>
    z.parse(Job, await call(guest, "job_status", { job_id, wait_seconds: 30 }));
  let job = await status();
  const deadline = performance.now() + RETURN_MS;
  while (job.state === "running" && performance.now() < deadline) job = await status();
  const { output } = z.parse(Output, await call(guest, "job_read", { job_id }));
  return { code: job.exit_code, output: output.map(({ data }) => data).join("") };
}

/** What the hooks were told since the last look. */
const toldHooks = async (guest: Guest): Promise<string[]> =>
  (await guest.root("cat /run/hooks; rm /run/hooks")).trim().split("\n");

/** The longest time in seconds in which the writer could not write. */
async function longestGap(guest: Guest): Promise<number> {
  const times = (await guest.root("cat /var/tmp/writes")).trim().split("\n").map(Number);
  return Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time)));
}

const refusal = async (work: Promise<unknown>): Promise<AnswerError> =>
  await assertRejects(() => work, AnswerError);

Deno.test("the broker in a guest", async (t) => {
  const guest = await bootGuest();
  await using _guest = guest;
  await guest.root(`${PREPARE}\nmkdir -p /run/systemd/system\n${SERVICES}`);
  const security = {
    ...JSON.parse(await guest.root(`cat ${CONFIG}`)).security,
    allow: GROUPS,
    managed_users: ["deploy"],
    managed_services: ["toy"],
  };
  // Under emulation on a loaded machine a broker takes half a minute to start.
  await configure(guest, { security, request_timeout_seconds: 300 });

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
    "a user is created, gets a password, logs in with a key, and is deleted",
    async () => {
      await call(guest, "user_create", { user: "deploy", full_name: "Deployment" });
      assertMatch(await guest.root("getent passwd deploy"), /^deploy:x:\d+:\d+:Deployment:/);
      await call(guest, "user_set_password", { user: "deploy", password: "correct horse" });
      assertMatch(await guest.root("passwd -S deploy"), /^deploy P /);
      const login = await SshLogin.to(guest);
      await using _login = login;
      await call(guest, "ssh_keys_add", { user: "deploy", keys: [login.publicKey] });
      const file = "/home/deploy/.ssh/authorized_keys";
      assertEquals((await guest.root(`stat -c '%a %U' ${file}`)).trim(), "600 deploy");
      assertEquals(await login.run("deploy", "id -un"), "deploy\n");
      await call(guest, "ssh_keys_remove", { user: "deploy" });
      await assertRejects(
        () => login.run("deploy", "id -un"),
        ToolFailedError,
        "Permission denied",
      );
    },
  );

  await t.step("a link in a home directory leads to nothing", async () => {
    await guest.root(
      "cd /home/deploy; rm -rf .ssh; mkdir -p /root/.ssh; su deploy -c 'ln -s /root/.ssh .ssh'",
    );
    await refusal(call(guest, "ssh_keys_add", { user: "deploy", keys: [KEY] }));
    assertEquals((await guest.root("ls /root/.ssh")).trim(), "");
    await call(guest, "user_delete", { user: "deploy", remove_home: true });
    assertEquals((await guest.tryRoot("getent passwd deploy")).status, 2);
    await guest.root("[ ! -e /home/deploy ] && [ -d /root/.ssh ]");
  });

  await t.step("users and services that the configuration does not list are refused", async () => {
    const { code } = await refusal(call(guest, "user_create", { user: "mallory" }));
    assertEquals(code, PERMISSION_DENIED);
    const service = await refusal(
      call(guest, "service_control", { unit: "other", action: "start" }),
    );
    assertEquals(service.code, PERMISSION_DENIED);
    assertEquals((await guest.tryRoot("systemctl is-active other")).stdout.trim(), "inactive");
  });

  await t.step("a service is started and stopped", async () => {
    await call(guest, "service_control", { unit: "toy", action: "start" });
    await guest.root("systemctl is-active toy");
    await call(guest, "service_control", { unit: "toy", action: "stop" });
    assertEquals((await guest.tryRoot("systemctl is-active toy")).stdout.trim(), "inactive");
  });

  await t.step("a process of a managed user is signalled, and none of root's", async () => {
    const startOf = async (pid: number) =>
      Number((await guest.root(`sed 's/.*) //' /proc/${pid}/stat`)).split(" ")[19]);
    const start = async (user: string) => {
      const command = `setpriv --reuid=${user} --clear-groups setsid sleep 600`;
      return Number(await guest.root(`${command} </dev/null >/dev/null 2>&1 & echo $!`));
    };
    await guest.root("useradd --no-create-home deploy");
    const [theirs, roots] = [await start("deploy"), await start("root")];
    const refused = await refusal(
      call(guest, "process_signal", { pid: roots, start_ticks: await startOf(roots) }),
    );
    assertEquals(refused.code, PERMISSION_DENIED);
    const params = { pid: theirs, start_ticks: await startOf(theirs), signal: "SIGKILL" };
    await call(guest, "process_signal", params);
    await until(
      async () => (await guest.tryRoot(`kill -0 ${theirs}`)).status !== 0,
      "the end of the process",
    );
    await guest.root(`kill ${roots}; userdel deploy`);
  });

  await t.step("a package is installed, upgraded and removed", async () => {
    await guest.root(`${REPOSITORY}release 1.0`);
    const packages = ["toy-package"];
    const installed = await runJob(guest, "package_install", { packages });
    assertEquals(installed.code, 0, installed.output);
    assertMatch(installed.output, /Setting up toy-package \(1\.0\)/);
    assertMatch(await guest.root("dpkg -l toy-package"), /^ii +toy-package +1\.0 /m);
    await guest.root("[ -c /dev/toy-package ]");

    await guest.root(`${REPOSITORY}echo mine >/etc/toy-package.conf; release 2.0`);
    const upgraded = await runJob(guest, "package_upgrade", { packages });
    assertEquals(upgraded.code, 0, upgraded.output);
    assertMatch(await guest.root("dpkg -l toy-package"), /^ii +toy-package +2\.0 /m);
    assertEquals((await guest.root("cat /etc/toy-package.conf")).trim(), "mine");

    await guest.root(
      `setsid perl -e '${LOCKER}' >/run/locker 2>&1 </dev/null & echo $! >/run/locker.pid
      until grep -q locked /run/locker; do sleep 0.1; done`,
    );
    const locked = await runJob(guest, "package_remove", { packages });
    assertEquals(locked.code, 100);
    assertMatch(locked.output, /Could not get lock .*held by process/);
    await guest.root("kill $(cat /run/locker.pid)");

    const removed = await runJob(guest, "package_remove", { packages });
    assertEquals(removed.code, 0, removed.output);
    assertMatch(await guest.root("dpkg -l toy-package"), /^rc +toy-package/m);
    const missing = await refusal(
      call(guest, "package_remove", { job_id: "none", packages: ["no-such-package"] }),
    );
    assertEquals(missing.code, NOT_FOUND);
  });

  await t.step("cloud-init checks a document, and applies it module by module", async () => {
    const refused = await refusal(
      call(guest, "cloud_init_apply", { job_id: "bad", content: "#cloud-config\nruncmd: 5\n" }),
    );
    assertEquals(refused.code, INVALID_PARAMS);
    assertStringIncludes(refused.reason, "runcmd: 5 is not of type 'array'");
    const content = "#cloud-config\ntimezone: Europe/Vienna\nruncmd:\n" +
      "- [touch, /root/made by cloud-init]\n- echo told by runcmd\n";
    const { code, output } = await runJob(guest, "cloud_init_apply", { content });
    assertEquals(code, 0, output);
    assertStringIncludes(output, "told by runcmd");
    assertEquals((await guest.root("cat /etc/timezone")).trim(), "Europe/Vienna");
    await guest.root("[ -e '/root/made by cloud-init' ]");
    const { stdout } = await guest.tryRoot("ls /run/kvmmanager-agent-privileged | grep text-");
    assertEquals(stdout, "", "no document is left");
  });

  await t.step("the clock is set", async () => {
    const hour = 3600;
    const before = Number(await guest.root("date +%s"));
    const { step_ms } = z.parse(
      TimeSet,
      await call(guest, "time_set", { time_ms: (before + hour) * 1000 }),
    );
    assert(Math.abs(step_ms / 1000 - hour) < hour / 10, `${step_ms} ms`);
    assert(Number(await guest.root("date +%s")) >= before + hour);
    await call(guest, "time_set", { time_ms: Date.now() });
  });

  await t.step("file systems are trimmed, or the answer says why not", async () => {
    const { filesystems } = z.parse(Trimmed, await call(guest, "fs_trim"));
    assert(
      filesystems.some(({ mount_point }) => mount_point === SECOND),
      "the second one is tried",
    );
    for (const { trimmed_bytes, error = "" } of filesystems) {
      if (trimmed_bytes === undefined) assertMatch(error, /fstrim/);
    }
  });

  await t.step("the broker refuses what its configuration does not allow", async () => {
    // The agent still has the configuration that it was started with.
    const change = JSON.stringify({ security: { ...security, allow: ["see"] } });
    await guest.root(`cp ${CONFIG} /root/config.json\ncat >${CONFIG} <<'END'\n${change}\nEND`);
    const { code, reason } = await refusal(call(guest, "user_create", { user: "deploy" }));
    assertEquals(code, PERMISSION_DENIED);
    assertStringIncludes(reason, 'needs the group "accounts"');
    await guest.root(`chmod a+w ${CONFIG}`);
    const untrusted = await refusal(call(guest, "user_create", { user: "deploy" }));
    assertMatch(untrusted.reason, /config\.json/);
    await guest.root(`cp /root/config.json ${CONFIG}; chmod 644 ${CONFIG}`);
    assertEquals((await guest.tryRoot("getent passwd deploy")).status, 2);
  });

  await t.step("a hook that fails, or that others can write, stops the freeze", async () => {
    await guest.root(`${HOOKS}\ntouch /run/hook-fails`);
    const failed = await refusal(call(guest, "fs_freeze", { ttl_seconds: 600 }));
    assertMatch(failed.reason, /30-third freeze failed with status 1; nothing was frozen/);
    assertEquals(await toldHooks(guest), [
      ...["10-first freeze", "20-second freeze", "30-third freeze"],
      ...["30-third thaw", "20-second thaw", "10-first thaw"],
    ]);
    await guest.root("rm /run/hook-fails; chmod o+w /etc/kvmmanager-agent/freeze.d/20-second");
    const doubtful = await refusal(call(guest, "fs_freeze", { ttl_seconds: 600 }));
    assertMatch(doubtful.reason, /a freeze hook is not trusted: .*20-second/);
    assertEquals(await toldHooks(guest), ["10-first freeze", "10-first thaw"]);
    await guest.root("chmod o-w /etc/kvmmanager-agent/freeze.d/20-second; echo x >/root/written");
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
      assertMatch(refused.reason, /frozen/);
      assertEquals((await refusal(call(guest, "reboot"))).code, COMMAND_FAILED);
      assertEquals(
        await toldHooks(guest),
        ["10-first freeze", "20-second freeze", "30-third freeze"],
      );

      const written = await guest.root("cat /var/tmp/writes");
      const copy = await DiskCopy.of(guest);
      await using _copy = copy;
      assertEquals(await copy.needsRecovery(), false);
      await copy.check();
      assertEquals(await copy.read("/var/tmp/writes"), written);

      assertEquals(z.parse(Thawed, await call(guest, "fs_thaw")), {
        thawed: ["/", SECOND],
        problems: [],
        ended_by: "request",
      });
      assertEquals(
        await toldHooks(guest),
        ["30-third thaw", "20-second thaw", "10-first thaw"],
      );
      await call(guest, "exec_command", { command: "true" });
      assert(await longestGap(guest) >= 2);
      const later = await DiskCopy.of(guest);
      await using _later = later;
      assert(await later.needsRecovery(), "without the freeze, a copy is not clean");
    },
  );

  await t.step("the record is in the journal", async () => {
    const journal = await guest.root("journalctl --no-pager -o cat -t kvmmanager-agent-privileged");
    assertMatch(journal, /"event":"begin","operation":"fs_freeze"/);
    assertMatch(journal, /"event":"thawed","ended_by":"request"/);
    assertMatch(journal, /"event":"refused"/);
  });

  await t.step("the root is thawed when ttl_seconds are over and no host comes back", async () => {
    await call(guest, "fs_freeze", { ttl_seconds: 3 });
    const before = await guest.root("wc -l </var/tmp/writes");
    await until(
      async () => await guest.root("wc -l </var/tmp/writes") !== before,
      "the writer goes on",
      RETURN_MS,
    );
    assertEquals(z.parse(Thawed, await call(guest, "fs_thaw")).ended_by, "ttl");
    assertEquals((await toldHooks(guest)).slice(-1), ["10-first thaw"]);
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

  await t.step("a guest that is rebooted while frozen thaws, and unmounts its disk", async () => {
    {
      const qmp = await guest.qmp();
      await using _qmp = qmp;
      await qmp.execute("set-action", { reboot: "shutdown" });
    }
    await call(guest, "fs_freeze", { ttl_seconds: 3600 });
    await guest.root("(systemctl reboot &) >/dev/null 2>&1 </dev/null");
    assert(await guest.machine.ended(RETURN_MS), "the guest is rebooted");
    const copy = await DiskCopy.of(guest);
    await using _copy = copy;
    assertEquals(await copy.needsRecovery(), false);
    await copy.check();
  });
});
