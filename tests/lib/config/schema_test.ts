import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { ConfigSchema, defaultConfig, durationMs } from "../../../lib/config/schema.ts";

/** The configuration that a few keys make of the defaults, or `undefined` where one is refused. */
function configOf(keys: Record<string, unknown>) {
  const result = z.safeParse(ConfigSchema, keys);
  return result.success ? result.data : undefined;
}

const securityOf = (keys: Record<string, unknown>) => configOf({ security: keys })?.security;

Deno.test("the defaults are those of the protocol and of the design", () => {
  assertEquals(defaultConfig(), {
    version: "1.0.0",
    log_level: "info",
    log_file: null,
    channel_name: "org.kvmmanager.agent.0",
    max_message_size_kb: 64,
    connection_retry_seconds: 5,
    request_timeout_seconds: 30,
    max_concurrent_requests: 10,
    max_requests_per_second: 100,
    freeze_ttl_seconds: 600,
    announce: true,
    security: {
      allow: ["see", "file-read", "file-write", "exec", "power", "freeze", "time"],
      allowed_read_paths: ["/tmp", "/var/log", "/etc/hostname", "/etc/os-release"],
      allowed_write_paths: ["/tmp/kvmmanager"],
      command_whitelist: null,
      command_environment: [],
      process_arguments: false,
      managed_users: [],
      managed_groups: [],
      managed_services: [],
      update_key: null,
      max_file_size_mb: 10,
      max_command_timeout_seconds: 300,
    },
    jobs: {
      max_running: 16,
      max_kept: 100,
      max_output_mb: 128,
      max_total_output_mb: 256,
      max_seconds: 86_400,
      keep_seconds: 3600,
    },
    command_monitor: {
      enabled: false,
      pipe_path: "/run/google-guest-agent/commands.sock",
      pipe_mode: "0770",
      pipe_group: null,
      request_timeout: "10s",
      max_connections: 100,
    },
    audit_file: null,
    audit: "best_effort",
    state_directory: "/var/lib/kvmmanager-agent/state",
    events: {
      sources: [
        "agent",
        "job",
        "program",
        "network",
        "filesystem",
        "clock",
        "guest",
        "memory",
        "unit",
      ],
      keep_kb: 1024,
      filesystem_percent: 90,
    },
  });
});

Deno.test("every key may be left out, each has its default", () => {
  assertEquals(configOf({}), defaultConfig());
  assertEquals(configOf({ security: {} }), defaultConfig());
  assertEquals(configOf({ log_level: "debug" }), { ...defaultConfig(), log_level: "debug" });
});

Deno.test("lists that a configuration gives replace the defaults", () => {
  assertEquals(securityOf({ allowed_read_paths: [] })?.allowed_read_paths, []);
  assertEquals(securityOf({ command_whitelist: [] })?.command_whitelist, []);
});

for (
  const [given, effective] of [
    ["/", "/"],
    ["/tmp", "/tmp"],
    ["/tmp/", "/tmp"],
    ["/tmp//", "/tmp"],
    ["/tmp/a b,c", "/tmp/a b,c"],
    ["/tmp/ü", "/tmp/ü"],
    ["/tmp/...", "/tmp/..."],
    [`/${"x".repeat(4095)}`, `/${"x".repeat(4095)}`],
  ] as const
) {
  Deno.test(`the path ${given.slice(0, 20)} may be allowed`, () => {
    for (const key of ["allowed_read_paths", "allowed_write_paths"] as const) {
      assertEquals(securityOf({ [key]: ["/srv", given] })?.[key], ["/srv", effective]);
    }
    assertEquals(configOf({ log_file: given })?.log_file, effective);
  });
}

for (
  const path of [
    "",
    "tmp",
    "./tmp",
    "~/tmp",
    "/tmp/../etc",
    "/tmp/..",
    "/tmp/.",
    "/./tmp",
    "/tmp//a",
    "//tmp",
    "/tmp\0",
    `/${"x".repeat(4096)}`,
    `/${"ü".repeat(2048)}`,
    7,
    null,
    ["/tmp"],
  ]
) {
  Deno.test(`the path ${JSON.stringify(path).slice(0, 20)} may not be allowed`, () => {
    for (const key of ["allowed_read_paths", "allowed_write_paths"]) {
      assertEquals(securityOf({ [key]: ["/srv", path] }), undefined);
    }
    // Only a log file may be null.
    if (path !== null) assertEquals(configOf({ log_file: path }), undefined);
  });
}

Deno.test("log_file may be null, which is standard error", () => {
  assertEquals(configOf({ log_file: null })?.log_file, null);
});

for (const command of ["ls", "my-tool.sh", "[", "a b", "/usr/bin/ls", "/opt/x/y", "..."]) {
  Deno.test(`the command ${command} may be on the whitelist`, () => {
    assertEquals(securityOf({ command_whitelist: [command] })?.command_whitelist, [command]);
  });
}

for (
  const command of [
    ...["", ".", "..", "bin/ls", "./ls", "../ls", "/", "/usr/bin/", "a/b/", "ls\0", "/bin/ls\0"],
    ...[1, null, {}, ["ls"]],
  ]
) {
  Deno.test(`the command ${JSON.stringify(command)} may not be on the whitelist`, () => {
    assertEquals(securityOf({ command_whitelist: ["true", command] }), undefined);
  });
}

for (const name of ["BASH_ENV", "_", "a1", "GLIBC_TUNABLES"]) {
  Deno.test(`the variable ${name} may be in command_environment`, () => {
    assertEquals(securityOf({ command_environment: [name] })?.command_environment, [name]);
  });
}

for (const name of ["", "1A", "A B", "A=1", "*", "LD_PRELOAD", "LD_", null]) {
  Deno.test(`the variable ${JSON.stringify(name)} may not be in command_environment`, () => {
    assertEquals(securityOf({ command_environment: ["MINE", name] }), undefined);
  });
}

const NUMBERS: readonly (readonly [string, number, number])[] = [
  ["max_message_size_kb", 1, 16_384],
  ["connection_retry_seconds", 1, 3600],
  ["request_timeout_seconds", 1, 3600],
  ["max_concurrent_requests", 1, 1000],
  ["max_requests_per_second", 1, 10_000_000],
  ["freeze_ttl_seconds", 1, 3600],
];
const SECURITY_NUMBERS: readonly (readonly [string, number, number])[] = [
  ["max_file_size_mb", 1, 1024],
  ["max_command_timeout_seconds", 1, 86_400],
];

for (
  const [key, least, most, parse] of [
    ...NUMBERS.map((row) => [...row, configOf] as const),
    ...SECURITY_NUMBERS.map((row) => [...row, securityOf] as const),
  ]
) {
  Deno.test(`${key} is a whole number from ${least} to ${most}`, () => {
    for (const value of [least, least + 1, most]) assert(parse({ [key]: value }), `${value}`);
    for (
      const value of [
        ...[least - 1, most + 1, -1, 1.5, NaN, Infinity, 1e308],
        ...[`${least}`, true, null, [], {}],
      ]
    ) {
      assertEquals(parse({ [key]: value }), undefined, String(value));
    }
  });
}

for (
  const [key, right, wrong] of [
    ["version", ["1.0.0", "1.2.34"], ["", "1", "1.0", "2.0.0", "1.0.0-rc", "v1.0.0", 1]],
    ["log_level", ["error", "warn", "info", "debug", "trace"], ["INFO", "", "all", 1, null]],
    [
      "channel_name",
      ["org.kvmmanager.agent.0", "a", "A-b_c.9", "x".repeat(128)],
      ["", "a/b", "..", ".a", "-a", "a b", "a\0", "ä", "x".repeat(129), 5],
    ],
    ["announce", [true, false], ["true", 1, 0, null, "yes"]],
  ] as const
) {
  Deno.test(`${key} takes what it should and nothing else`, () => {
    for (const value of right) assert(configOf({ [key]: value }), String(value));
    for (const value of wrong) assertEquals(configOf({ [key]: value }), undefined, String(value));
  });
}

Deno.test("unknown keys are errors, whatever their names", () => {
  for (const name of ["securty", "log", "constructor", "toString", "__proto__"]) {
    const keys = z.parse(z.record(z.string(), z.unknown()), { a: 1 });
    Object.defineProperty(keys, name, { value: {}, enumerable: true });
    delete keys.a;
    assertEquals(configOf(keys), undefined, name);
    assertEquals(securityOf(keys), undefined, name);
  }
});

Deno.test("security is an object", () => {
  for (const value of [null, [], "none", 1, true]) {
    assertEquals(configOf({ security: value }), undefined);
  }
});

const monitorOf = (keys: Record<string, unknown>) =>
  configOf({ command_monitor: keys })?.command_monitor;

for (
  const [key, right, wrong] of [
    ["enabled", [true, false], ["true", 1, null]],
    [
      "pipe_path",
      ["/run/x/s.sock", "/s", `/${"x".repeat(100)}`],
      [
        "",
        "s.sock",
        "/",
        "/a/../s",
        "/a\0",
        "/a,b",
        `/${"x".repeat(101)}`,
        `/${"ä".repeat(51)}`,
        5,
      ],
    ],
    ["pipe_mode", ["0770", "770", "0600", "0000", "0777"], ["", "77", "1770", "0780", "rwx", 770]],
    [
      "pipe_group",
      [null, "adm", "kvm-users", "_x", "4", "DOM.users@x", "machine$"],
      ["", "-x", "a b", "a:b", "a/b", "a\nb", "x".repeat(66), 4],
    ],
    [
      "request_timeout",
      ["10s", "1ms", "60m", "1.5s", "3600s"],
      ["", "10", "s", "0s", "0.5ms", "61m", "-1s", "1h", "1s ", "1m30s", "1e3s", 10],
    ],
    ["max_connections", [1, 100, 1000], [0, 1001, 1.5, "100", null]],
  ] as const
) {
  Deno.test(`command_monitor.${key} takes what it should and nothing else`, () => {
    for (const value of right) assert(monitorOf({ [key]: value }), String(value));
    for (const value of wrong) assertEquals(monitorOf({ [key]: value }), undefined, String(value));
  });
}

Deno.test("durationMs() knows milliseconds, seconds and minutes", () => {
  const durations = ["250ms", "10s", "1.5s", "2m", "soon"].map(durationMs);
  assertEquals(durations, [250, 10_000, 1500, 120_000, NaN]);
});

Deno.test("an audit is required only where there is a file for it", () => {
  assert(configOf({ audit_file: "/var/log/audit.jsonl", audit: "required" }));
  assert(configOf({ audit_file: "/var/log/audit.jsonl" }));
  assert(configOf({ audit: "best_effort" }));
  assertEquals(configOf({ audit: "required" }), undefined);
  assertEquals(configOf({ audit: "always" }), undefined);
  assertEquals(configOf({ audit_file: "audit.jsonl" }), undefined);
});

for (const root of ["/a", "/a/audit", "/"]) {
  Deno.test(`the audit file may not be where ${root} lets the host write`, () => {
    const keys = { audit_file: "/a/audit", security: { allowed_write_paths: [root] } };
    assertEquals(configOf(keys), undefined);
    assert(configOf({ ...keys, security: { allowed_write_paths: ["/a/aud", "/b"] } }));
  });
}

Deno.test("pipe_group may be -1, which changes no group, as with Google's guest agent", () => {
  const configured = (pipe_group: string) => configOf({ command_monitor: { pipe_group } });
  assertEquals(configured("-1")?.command_monitor.pipe_group, "-1");
  for (const wrong of ["-2", "-", "-root", ""]) assertEquals(configured(wrong), undefined);
});

Deno.test("state_directory is an absolute path or null", () => {
  assert(configOf({ state_directory: "/srv/state" }));
  assert(configOf({ state_directory: null }));
  for (const state_directory of ["state", "", "/srv/../state", 1]) {
    assertEquals(configOf({ state_directory }), undefined);
  }
});

Deno.test("state_directory must not overlap what file_write may change", () => {
  const overlaps = (state_directory: string, root: string) =>
    configOf({ state_directory, security: { allowed_write_paths: [root] } }) === undefined;
  for (const root of ["/", "/srv", "/srv/state", "/srv/state/jobs"]) {
    assert(overlaps("/srv/state", root), root);
  }
  assert(!overlaps("/srv/state", "/srv/state2"));
  // Nobody has chosen the default, so it does not forbid a configuration.
  assert(configOf({ security: { allowed_write_paths: ["/"] } }));
});
