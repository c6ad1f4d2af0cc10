import { assertEquals } from "@std/assert";
import * as z from "zod";
import { policyExplain } from "../../../handlers/agent/policy_explain.ts";
import { call } from "../_call.ts";
import { METHODS } from "../../../handlers/mod.ts";
import type { Config } from "../../../lib/config/schema.ts";
import type { Guest } from "../../../lib/guest/guest.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { MemoryFiles } from "../../lib/guest/_memory_files.ts";
import { ScriptedCommands } from "../../lib/guest/_memory_guest.ts";

const SECURITY: Partial<Config["security"]> = {
  allowed_read_paths: ["/r", "/w/pub"],
  allowed_write_paths: ["/w"],
  command_whitelist: ["echo"],
  max_file_size_mb: 1,
};

/** The answer, from the methods of a real agent with a guest in memory. */
async function explain(
  method: string,
  params?: unknown,
  security: Partial<Config["security"]> = {},
  guest: Partial<Guest> = {},
) {
  const commands = new ScriptedCommands({ "/bin/echo": () => ({}), "/bin/rm": () => ({}) });
  const files = new MemoryFiles({ "/w/f": "untouched" });
  const result = await call(policyExplain, { method, params }, {
    guest: { commands, files, ...guest },
    security: { ...SECURITY, ...security },
    methods: METHODS,
    configFile: "/etc/agent.json",
  });
  assertEquals([files.textOf("/w/f"), commands.runs], ["untouched", []]);
  return z.parse(policyExplain.result, result);
}

const rule = (key: string, entry: string, parameter?: string) =>
  parameter === undefined ? { key, entry } : { key, entry, parameter };

Deno.test("an allowed request is explained by the entries that match", async () => {
  assertEquals(await explain("file_write", { path: "/w/./f", content: "x" }), {
    method: "file_write",
    decision: "allowed",
    rules: [
      rule("security.allow", "file-write"),
      rule("security.allowed_write_paths", "/w", "path"),
    ],
  });
  const renamed = await explain("file_rename", { path: "/w/pub/a", to: "/w/b" });
  assertEquals(renamed.rules.map(({ parameter }) => parameter), [undefined, "path", "to"]);
  const run = await explain("exec_command", { command: "echo" });
  assertEquals(run.rules.slice(0, 2), [
    rule("security.allow", "exec"),
    rule("security.command_whitelist", "/bin/echo", "command"),
  ]);
  assertEquals(await explain("ping"), { method: "ping", decision: "allowed", rules: [] });
});

Deno.test("jobs, logs and what the broker manages are explained too", async () => {
  const job = await explain("job_start", { job_id: "one", command: "echo", keep_seconds: 60 });
  assertEquals([job.decision, job.rules.slice(1)], ["allowed", [
    rule("security.command_whitelist", "/bin/echo", "command"),
    rule("jobs.max_seconds", "86400", "timeout_seconds"),
    rule("jobs.keep_seconds", "3600", "keep_seconds"),
  ]]);
  const log = await explain("log_read", { path: "/r/app.log" });
  assertEquals([log.decision, log.rules.at(-1)], [
    "allowed",
    rule("security.allowed_read_paths", "/r", "path"),
  ]);
  const privileged = new MemoryPrivileged(() => ({}));
  const cloudInit = { status: () => Promise.resolve({ state: "done" as const, errors: [] }) };
  const security = {
    allow: ["accounts" as const, "services" as const, "packages" as const, "cloud-init" as const],
    managed_users: ["app-*"],
    managed_groups: ["www-data"],
    managed_services: ["nginx"],
  };
  const managed = async (method: string, params: unknown) =>
    await explain(method, params, security, { privileged, cloudInit });
  assertEquals((await managed("user_create", { user: "app-1", groups: ["www-data"] })).rules, [
    rule("security.allow", "accounts"),
    rule("security.managed_users", "app-*", "user"),
    rule("security.managed_groups", "www-data", "groups"),
  ]);
  const unit = await managed("service_control", { unit: "nginx.service", action: "stop" });
  assertEquals(unit.rules.at(-1), rule("security.managed_services", "nginx", "unit"));
  const install = await managed("package_install", { job_id: "one", packages: ["nginx"] });
  assertEquals([install.decision, install.rules.length], ["allowed", 3]);
  const applied = await managed("cloud_init_apply", { job_id: "one", content: "#cloud-config\n" });
  assertEquals([applied.decision, applied.rules[0]], [
    "allowed",
    rule("security.allow", "cloud-init"),
  ]);
  for (
    const [method, params] of [
      ["user_delete", { user: "deploy" }],
      ["user_set_groups", { user: "app-1", groups: ["sudo"] }],
      ["ssh_keys_list", { user: "deploy" }],
      ["service_control", { unit: "ssh", action: "stop" }],
    ] as const
  ) {
    const { decision, reason = "" } = await managed(method, params);
    assertEquals([decision, reason.includes("does not list")], ["refused", true], method);
  }
  assertEquals(privileged.performed, []);
});

for (
  const [what, method, params, code, reason] of [
    [
      "a job beyond its limit",
      "job_start",
      {
        job_id: "one",
        command: "echo",
        timeout_seconds: 86_401,
      },
      -32602,
      "jobs.max_seconds",
    ],
    [
      "a job outside the whitelist",
      "job_start",
      { job_id: "one", command: "rm" },
      -32001,
      "whitel",
    ],
    ["a log outside", "log_read", { path: "/etc/shadow" }, -32001, "allowed_read_paths"],
    ["a path outside", "file_read", { path: "/etc/shadow" }, -32001, "allowed_read_paths"],
    ["a second path outside", "file_rename", { path: "/w/a", to: "/x" }, -32001, "allowed_write"],
    [
      "a rename to where it can be read",
      "file_rename",
      { path: "/w/a", to: "/w/pub/a" },
      -32001,
      "readable",
    ],
    ["an entry itself", "directory_remove", { path: "/w" }, -32001, "entry of allowed_write_paths"],
    [
      "a file that is too large",
      "file_write",
      { path: "/w/f", content: "x", offset: 1048576 },
      -32000,
      "max_file_size_mb",
    ],
    [
      "a program that is not listed",
      "exec_command",
      { command: "rm" },
      -32001,
      "command_whitelist",
    ],
    [
      "a dangerous variable",
      "exec_command",
      { command: "echo", env: { BASH_ENV: "/x" } },
      -32001,
      "command_environment",
    ],
    [
      "a time limit",
      "exec_command",
      { command: "echo", timeout_seconds: 301 },
      -32602,
      "max_command_timeout_seconds",
    ],
    ["wrong parameters", "file_read", { pth: 1 }, -32602, "pth"],
    ["an unknown method", "file_raed", {}, -32601, "file_raed"],
    ["what the guest lacks", "process_list", {}, -32000, "cannot process_list"],
  ] as const
) {
  Deno.test(`a refusal is explained as the request's own error: ${what}`, async () => {
    const answer = await explain(method, params);
    assertEquals([answer.decision, answer.code], ["refused", code]);
    assertEquals(answer.reason?.includes(reason), true, answer.reason);
  });
}

Deno.test("a group that is off is the first rule to refuse, and names the file to change", async () => {
  const answer = await explain("exec_command", { command: "rm" }, { allow: ["see"] });
  assertEquals([answer.code, answer.rules], [-32001, []]);
  assertEquals(answer.reason?.includes("/etc/agent.json"), true, answer.reason);
});
