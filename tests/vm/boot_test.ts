/**
 * The package in a real guest: the agent starts at boot, and its facts agree with the guest's own
 * tools.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, fail } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import * as z from "zod";
import { METHODS } from "../../handlers/mod.ts";
import { printError } from "../../lib/base/terminal.ts";
import { VERSION } from "../../lib/base/version.ts";
import { sharedGuest } from "./_guest.ts";

const guest = sharedGuest();

/** Runs a script as root in the guest and returns its output. */
const root = (script: string) => guest().root(script);

/** Calls a method and checks its result against a schema. */
async function call<Schema extends z.ZodMiniType>(
  method: string,
  schema: Schema,
  params?: unknown,
): Promise<z.output<Schema>> {
  const client = await guest().client();
  await using _client = client;
  return z.parse(schema, await client.callUnchecked(method, params));
}

const SystemInfo = z.strictObject({
  os_type: z.string(),
  os_name: z.string(),
  os_version: z.string(),
  kernel_version: z.string(),
  hostname: z.string(),
  architecture: z.string(),
  cpu_count: z.int(),
  total_memory_kb: z.int(),
  uptime_seconds: z.int(),
  available_memory_kb: z.int(),
  load_average: z.array(z.number()),
});

/** How much an idle guest's free memory changes between two readings. */
const DRIFT_KB = 32 * 1024;

Deno.test("the agent announces itself after a cold boot", () => {
  const { readyMs } = guest();
  assert(readyMs !== undefined, "agent_ready");
  printError(`power-on to agent_ready: ${(readyMs / 1000).toFixed(1)} s`);
});

Deno.test("systemd runs the agent as its own user, and no unit has failed", async () => {
  const main = await root("systemctl show -P MainPID kvmmanager-agent.service");
  assertMatch(main, /^[1-9]\d*\n$/);
  assertEquals(await root(`ps -o user:32= -p ${main.trim()}`), "kvmmanager-agent\n");
  assertEquals(await root("systemctl --failed --no-legend --plain"), "");
});

Deno.test("every read-only method answers", async (t) => {
  const calls: Record<string, unknown> = {
    ping: undefined,
    get_agent_info: undefined,
    get_system_info: undefined,
    get_network_info: undefined,
    get_disk_usage: undefined,
    exec_command: { command: "true" },
    file_read: { path: "/etc/hostname" },
    file_hash: { path: "/etc/hostname" },
    file_list: { path: "/var/log" },
    file_stat: { path: "/etc/hostname" },
    events_read: { types: ["agent"] },
    log_list: undefined,
    log_read: { path: "/etc/hostname" },
    fs_freeze_status: undefined,
    get_metrics: undefined,
    job_list: undefined,
    package_list: undefined,
    policy_explain: { method: "ping" },
    process_list: undefined,
    service_list: undefined,
    service_status: { name: "dbus.service" },
    time_get: undefined,
    user_list: undefined,
    "rpc.cancel": { id: "nothing of this name" },
    "rpc.discover": undefined,
  };
  // They change the guest, need a job or a group that is off, or what this guest does not have.
  const others = [
    "cloud_init_apply",
    "cloud_init_status",
    "directory_create",
    "directory_remove",
    "file_commit",
    "file_remove",
    "file_rename",
    "file_write",
    "fs_freeze",
    "fs_thaw",
    "fs_trim",
    "job_forget",
    "job_read",
    "job_resize",
    "job_signal",
    "job_start",
    "job_status",
    "job_write",
    "agent_update",
    "agent_update_status",
    "package_install",
    "package_remove",
    "package_updates",
    "package_upgrade",
    "process_signal",
    "reboot",
    "service_control",
    "shutdown",
    "ssh_keys_add",
    "ssh_keys_list",
    "ssh_keys_remove",
    "time_set",
    "user_create",
    "user_delete",
    "user_set_groups",
    "user_set_password",
  ];
  assertEquals(
    METHODS.map(({ name }) => name).sort(),
    [...Object.keys(calls), ...others].sort(),
    "add the new method to one of the two lists",
  );
  for (const { name, result: schema } of METHODS) {
    if (others.includes(name)) continue;
    await t.step(name, async () => {
      const result = await call(name, schema, calls[name]);
      assert(result !== undefined);
    });
  }
});

Deno.test("get_agent_info reports the package's version", async () => {
  const Info = z.looseObject({ version: z.string(), platform: z.string() });
  const { version, platform } = await call("get_agent_info", Info);
  assertEquals({ version, platform }, { version: VERSION, platform: "linux" });
  const installed = await root("dpkg-query -W -f '${Version}' kvmmanager-agent");
  assert(installed.startsWith(VERSION), installed);
});

Deno.test("get_system_info agrees with hostnamectl, uname, nproc and /proc/meminfo", async () => {
  const Described = z.looseObject({
    Hostname: z.string(),
    KernelRelease: z.string(),
    OperatingSystemPrettyName: z.string(),
  });
  const described = z.parse(Described, JSON.parse(await root("hostnamectl --json=short")));
  const before = Number(/^\d+/.exec(await root("cat /proc/uptime")));
  const info = await call("get_system_info", SystemInfo);
  const after = Number(/^\d+/.exec(await root("cat /proc/uptime")));
  assertEquals(info.os_type, "linux");
  assertEquals(`${info.os_name} ${info.os_version}`, described.OperatingSystemPrettyName);
  assertEquals(info.kernel_version, described.KernelRelease);
  assertEquals(info.hostname, described.Hostname);
  assertEquals(info.architecture, (await root("uname -m")).trim());
  assertEquals(info.cpu_count, Number(await root("nproc --all")));
  const total = /^MemTotal: +(\d+) kB$/m.exec(await root("cat /proc/meminfo"))?.[1];
  assertEquals(info.total_memory_kb, Number(total));
  const available = Number(/^MemAvailable: +(\d+) kB$/m.exec(await root("cat /proc/meminfo"))?.[1]);
  assert(Math.abs(info.available_memory_kb - available) < DRIFT_KB, `${info.available_memory_kb}`);
  assertEquals(info.load_average.length, 3);
  // sysinfo(2), which the agent uses, rounds the seconds up.
  assert(
    info.uptime_seconds >= before && info.uptime_seconds <= after + 1,
    `${before} <= ${info.uptime_seconds} <= ${after + 1}`,
  );
});

Deno.test("get_network_info agrees with ip", async () => {
  const Links = z.array(z.looseObject({
    ifname: z.string(),
    address: z.string(),
    mtu: z.int(),
    operstate: z.string(),
    flags: z.array(z.string()),
    addr_info: z.array(
      z.looseObject({ family: z.string(), local: z.string(), prefixlen: z.int() }),
    ),
  }));
  const links = z.parse(Links, JSON.parse(await root("ip -json address show")));
  const Interfaces = z.strictObject({
    interfaces: z.array(z.strictObject({
      name: z.string(),
      mac_address: z.string(),
      ipv4_addresses: z.array(z.string()),
      ipv6_addresses: z.array(z.string()),
      state: z.string(),
      mtu: z.int(),
    })),
  });
  const { interfaces } = await call("get_network_info", Interfaces);
  const addresses = (link: (typeof links)[number], family: string) =>
    link.addr_info.filter((one) => one.family === family)
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`).sort();
  const byName = <T extends { name: string }>(list: T[]) =>
    list.toSorted((a, b) => a.name < b.name ? -1 : 1);
  assertEquals(
    byName(interfaces.map((one) => ({
      ...one,
      ipv4_addresses: one.ipv4_addresses.toSorted(),
      ipv6_addresses: one.ipv6_addresses.toSorted(),
    }))),
    byName(links.map((link) => ({
      name: link.ifname,
      mac_address: link.address,
      ipv4_addresses: addresses(link, "inet"),
      ipv6_addresses: addresses(link, "inet6"),
      // The loopback interface does not report a state.
      state: link.operstate === "UNKNOWN"
        ? link.flags.includes("UP") ? "up" : "down"
        : link.operstate.toLowerCase(),
      mtu: link.mtu,
    }))),
  );
  const eth0 = interfaces.find(({ name }) => name === "eth0") ?? fail("no eth0");
  assertEquals(eth0.ipv4_addresses, ["10.0.2.15/24"], "the address from QEMU's DHCP server");
});

/** How much the file system may change between two readings. */
const DRIFT_BYTES = 8 * 1024 * 1024;

Deno.test("get_disk_usage agrees with df", async () => {
  const Usage = z.strictObject({
    filesystems: z.array(z.strictObject({
      mount_point: z.string(),
      device: z.string(),
      fs_type: z.string(),
      total_bytes: z.int(),
      used_bytes: z.int(),
      available_bytes: z.int(),
      used_percent: z.number(),
    })),
  });
  const { filesystems } = await call("get_disk_usage", Usage);
  const text = await root(
    "df -B1 -x tmpfs -x devtmpfs --output=target,source,fstype,size,used,avail,pcent",
  );
  const rows = text.trim().split("\n").slice(1).map((row) => row.trim().split(/ +/));
  assertEquals(
    filesystems.map((one) => [one.mount_point, one.fs_type, String(one.total_bytes)]),
    rows.map(([target, , type, size]) => [target, type, size]),
  );
  for (const [index, row] of rows.entries()) {
    const [, , , , used, available, percent] = row.map((field) => Number(field.replace("%", "")));
    const reported = filesystems[index] ?? fail("compared above");
    assert(
      Math.abs(reported.used_bytes - (used ?? NaN)) < DRIFT_BYTES,
      `${reported.used_bytes} ${used}`,
    );
    assert(
      Math.abs(reported.available_bytes - (available ?? NaN)) < DRIFT_BYTES,
      `${reported.available_bytes} ${available}`,
    );
    // df rounds up to a whole percentage.
    assert(
      Math.abs(reported.used_percent - (percent ?? NaN)) <= 1.5,
      `${reported.used_percent} ${percent}`,
    );
  }
});

Deno.test("exec_command runs as the agent's user and returns output, errors and exit code", async () => {
  const Result = z.looseObject({ exit_code: z.int(), stdout: z.string(), stderr: z.string() });
  const { exit_code, stdout, stderr } = await call("exec_command", Result, {
    command: "sh",
    args: ["-c", "id -un; echo wrong >&2; exit 3"],
  });
  assertEquals({ exit_code, stdout, stderr }, {
    exit_code: 3,
    stdout: "kvmmanager-agent\n",
    stderr: "wrong\n",
  });
});

Deno.test("file_read returns the content that root sees", async () => {
  const Content = z.looseObject({ content: z.string() });
  const { content } = await call("file_read", Content, { path: "/etc/hostname" });
  assertEquals(content, await root("cat /etc/hostname"));
});

Deno.test("qemu-ga answers on its port in the same guest", async () => {
  const connection = await Deno.connect({ transport: "unix", path: guest().qemuGaSocket });
  using _connection = connection;
  await connection.write(new TextEncoder().encode('{"execute":"guest-ping"}\n'));
  const buffer = new Uint8Array(100);
  const read = await connection.read(buffer) ?? 0;
  assertEquals(new TextDecoder().decode(buffer.subarray(0, read)), '{"return": {}}\n');
});

Deno.test("`deno task vm --console` is a root shell on the serial console", async () => {
  const shell = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "scripts/vm.ts", "--console", guest().machine.directory],
    cwd: fromFileUrl(new URL("../..", import.meta.url)),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const typing = shell.stdin.getWriter();
  const type = (text: string) => typing.write(new TextEncoder().encode(text));
  let seen = "";
  const answers: readonly (readonly [prompt: RegExp, text: string])[] = [
    [/login: $/, "root\n"],
    [/# $/, 'echo "user $(id -u)"\n'],
    [/user 0\s+.*# $/s, "exit\n"],
  ];
  let next = 0;
  for await (const text of shell.stdout.pipeThrough(new TextDecoderStream())) {
    // Terminal control sequences, which bash prints around its prompt.
    // deno-lint-ignore no-control-regex
    seen = (seen + text).replaceAll(/\x1b\[[?0-9;]*[a-zA-Z]/g, "");
    const [prompt, answer] = answers[next] ?? [];
    if (prompt === undefined || answer === undefined || !prompt.test(seen)) continue;
    next += 1;
    await type(answer);
    // Ctrl-] leaves.
    if (next === answers.length) await type("\x1d");
  }
  await typing.close().catch(() => {});
  assertEquals((await shell.status).code, 0, seen);
  assertEquals(next, answers.length, seen);
});
