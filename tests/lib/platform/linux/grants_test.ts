import { assertEquals, assertThrows } from "@std/assert";
import { type Config, defaultConfig } from "../../../../lib/config/schema.ts";
import { permissionsFor } from "../../../../lib/platform/linux/grants.ts";
import { parsePermissions, permissionFlags } from "../../../../lib/platform/permissions.ts";
import { runTestScript } from "../../../_deno.ts";

type Security = Config["security"];

const configOf = (security: Partial<Security>, changes: Partial<Config> = {}): Config => ({
  ...defaultConfig(),
  ...changes,
  security: { ...defaultConfig().security, ...security },
});

/** The flags, by their names. */
function flagsOf(config: Config, start = {}): Map<string, string> {
  return new Map(
    permissionFlags(permissionsFor(config, start)).map((flag) => {
      const [name = "", value = ""] = flag.split(/=(.*)/s);
      return [name, value];
    }),
  );
}

Deno.test("the default configuration needs these permissions and no more", () => {
  assertEquals(permissionFlags(permissionsFor(defaultConfig())), [
    "--no-prompt",
    "--allow-sys=hostname,loadavg,networkInterfaces,osRelease,osUptime,systemMemoryInfo,uid,umask",
    "--allow-read=/bin,/etc/hostname,/etc/kvmmanager-agent/config.json,/etc/os-release,/sbin,/tmp,/tmp/kvmmanager," +
    "/tmp/kvmmanager.kvmmanager-new,/usr/bin,/usr/lib/os-release,/usr/local/bin,/usr/local/sbin," +
    "/usr/sbin,/usr/share,/var/lib/kvmmanager-agent/state,/var/log",
    "--allow-write=/tmp/kvmmanager,/tmp/kvmmanager.kvmmanager-new," +
    "/var/lib/kvmmanager-agent/state",
    "--allow-run",
  ]);
});

Deno.test("a whitelist is the only thing that may be run, beside the shell", () => {
  const flags = flagsOf(configOf({ command_whitelist: ["ls", "/opt/tool/run"] }));
  assertEquals(
    flags.get("--allow-run"),
    "/bin/ls,/bin/sh,/opt/tool/run,/sbin/ls,/usr/bin/ls,/usr/local/bin/ls,/usr/local/sbin/ls," +
      "/usr/sbin/ls",
  );
});

Deno.test("an empty whitelist leaves the shell, which runs the agent's own scripts", () => {
  assertEquals(flagsOf(configOf({ command_whitelist: [] })).get("--allow-run"), "/bin/sh");
});

Deno.test("nothing may be written where nothing is allowed, logged to a file or kept", () => {
  const flags = flagsOf(
    configOf({ allowed_write_paths: [] }, { log_file: null, state_directory: null }),
  );
  assertEquals(flags.has("--allow-write"), false);
});

Deno.test("what may be written may be read, not the other way round", () => {
  const config = configOf(
    { allowed_read_paths: ["/srv/in"], allowed_write_paths: ["/srv/out"] },
    { log_file: null, state_directory: null },
  );
  const flags = flagsOf(config);
  const read = flags.get("--allow-read")?.split(",") ?? [];
  assertEquals(["/srv/in", "/srv/out"].filter((path) => !read.includes(path)), []);
  assertEquals(flags.get("--allow-write"), "/srv/out,/srv/out.kvmmanager-new");
  assertEquals(read.includes("/etc/hostname"), false);
});

Deno.test("a socket is the only network, and is read and written", () => {
  const flags = flagsOf(defaultConfig(), { listen: "/run/kvm/agent.sock" });
  assertEquals(flags.get("--allow-net"), "unix:/run/kvm/agent.sock");
  for (const name of ["--allow-read", "--allow-write"]) {
    assertEquals(flags.get(name)?.split(",").includes("/run/kvm/agent.sock"), true, name);
  }
});

Deno.test("the configuration file may be read, not written", () => {
  const flags = flagsOf(defaultConfig(), { configFile: "/etc/kvmmanager-agent/config.json" });
  const lists = (name: string) =>
    flags.get(name)?.split(",").includes("/etc/kvmmanager-agent/config.json");
  assertEquals([lists("--allow-read"), lists("--allow-write")], [true, false]);
});

Deno.test("in qemu-ga's language the records of who is logged in may be read", () => {
  const read = flagsOf(defaultConfig(), { qemuGaConf: "/etc/qemu/qemu-ga.conf" }).get(
    "--allow-read",
  );
  const added = ["/etc/qemu/qemu-ga.conf", "/run/systemd/sessions", "/run/utmp"];
  assertEquals(read?.split(",").filter((path) => added.includes(path)), added);
});

Deno.test("no configuration is granted everything, foreign functions, environment or imports", () => {
  for (
    const config of [
      defaultConfig(),
      configOf({ command_whitelist: [] }),
      configOf({ allowed_read_paths: ["/"], allowed_write_paths: ["/"] }),
      configOf({ allowed_read_paths: [], allowed_write_paths: [] }),
    ]
  ) {
    const flags = flagsOf(config, { listen: "/run/a.sock", configFile: "/etc/a.json" });
    const names = ["no-prompt", "allow-sys", "allow-read", "allow-write", "allow-run", "allow-net"];
    assertEquals([...flags.keys()].filter((name) => !names.includes(name.slice(2))), []);
    for (const name of ["--allow-sys", "--allow-read", "--allow-net"]) {
      assertEquals(flags.get(name) === "", false, `${name} has a list`);
    }
  }
});

Deno.test("a comma within a path is written twice, as Deno reads it", () => {
  const config = configOf({
    allowed_read_paths: ["/srv/a,b"],
    allowed_write_paths: ["/srv/,,"],
    command_whitelist: ["x,y"],
  }, { log_file: null });
  const flags = flagsOf(config, { listen: "/run/a,b.sock" });
  assertEquals(flags.get("--allow-read")?.includes("/srv/a,,b"), true);
  assertEquals(flags.get("--allow-write")?.startsWith("/run/a,,b.sock,/srv/,,,,,"), true);
  assertEquals(flags.get("--allow-run")?.includes("/bin/x,,y"), true);
  assertEquals(flags.get("--allow-net"), "unix:/run/a,,b.sock");
});

Deno.test("Deno takes the flag of a path with a comma for that one path", async () => {
  const flag = permissionFlags({
    read: ["/srv/a,b"],
    write: [],
    run: [],
    sockets: [],
    system: ["hostname"],
    usesLibraries: false,
  }).find((flag) => flag.startsWith("--allow-read=")) ?? "";
  const paths = ["/srv/a,b", "/srv/a,b/c", "/srv/a", "/srv", "b"];
  const { stdout, stderr } = await runTestScript("lib/platform/linux/_query_read.ts", {
    flags: [flag],
    args: paths,
  });
  assertEquals(stdout, "granted granted prompt prompt prompt\n", stderr);
});

Deno.test("every list is sorted and has each entry once", () => {
  const config = configOf({
    allowed_read_paths: ["/tmp", "/srv", "/tmp", "/etc/os-release"],
    allowed_write_paths: ["/tmp", "/srv"],
    command_whitelist: ["ls", "ls", "/bin/ls"],
  });
  const { read, write, run } = permissionsFor(config);
  for (const list of [read, write, run === "all" ? [] : run]) {
    assertEquals(list, [...new Set(list)].sort());
  }
});

Deno.test("parsePermissions() reads what was written into a binary", () => {
  for (const config of [defaultConfig(), configOf({ command_whitelist: ["ls"] })]) {
    const permissions = permissionsFor(config, { listen: "/run/a.sock" });
    assertEquals(parsePermissions(JSON.stringify(permissions)), permissions);
  }
});

for (const text of ["", "{}", "null", '{"read":"/"}', "nonsense"]) {
  Deno.test(`parsePermissions() throws for ${JSON.stringify(text)}`, () => {
    assertThrows(() => parsePermissions(text), Error);
  });
}

const MONITOR = { ...defaultConfig().command_monitor, enabled: true, pipe_path: "/run/m/s.sock" };

Deno.test("a command monitor needs its socket, the way there, and nothing beside them", () => {
  const plain = flagsOf(defaultConfig());
  const flags = flagsOf({ ...defaultConfig(), command_monitor: MONITOR });
  assertEquals(flags.get("--allow-net"), "unix:/run/m/s.sock,unix:/run/m/s.sock.new/s");
  for (const name of ["--allow-read", "--allow-write"]) {
    const before = plain.get(name)?.split(",") ?? [];
    const added = flags.get(name)?.split(",").filter((path) => !before.includes(path));
    assertEquals(added, ["/run/m/s.sock", "/run/m/s.sock.new"], name);
  }
});

Deno.test("a command monitor with a group may look up its number", () => {
  const command_monitor = { ...MONITOR, pipe_group: "adm" };
  const flags = flagsOf({ ...defaultConfig(), command_monitor });
  assertEquals(flags.get("--allow-read")?.split(",").includes("/etc/group"), true);
  assertEquals(flags.get("--allow-write")?.includes("/etc/group"), false);
});

Deno.test("the audit file may be read and written, and nothing beside it", () => {
  const without = permissionsFor(configOf({}, {}));
  const { read, write } = permissionsFor(configOf({}, { audit_file: "/var/log/audit.jsonl" }));
  assertEquals(read.filter((path) => !without.read.includes(path)), ["/var/log/audit.jsonl"]);
  assertEquals(write.filter((path) => !without.write.includes(path)), ["/var/log/audit.jsonl"]);
});
