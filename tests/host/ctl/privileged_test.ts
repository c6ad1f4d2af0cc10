/**
 * The commands for what needs root in the guest.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import * as z from "zod";
import { cloudInitApply } from "../../../handlers/cloud_init/cloud_init_apply.ts";
import { packageInstall } from "../../../handlers/packages/package_install.ts";
import { EXIT } from "../../../host/ctl/exit.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { resultLine, ScriptedAgent } from "../_scripted_agent.ts";
import { ctl } from "./_ctl.ts";

/** Runs a command line against an agent that answers with `result`. */
async function run(args: readonly string[], result: unknown) {
  await using directory = await TempDirectory.make();
  const socket = directory.at("s");
  await using agent = new ScriptedAgent(socket);
  agent.answerer = (request) => ({ text: resultLine(request, result) });
  const { code, stdout, stderr } = await ctl([...args, "--socket", socket]);
  const { method, params } = agent.requests.at(-1) ?? {};
  return { code, stdout, stderr, method, params };
}

/** All output of a job that has ended. */
const endOf = (text: string, exit_code: number) => ({
  output: [{ stream: "stdout", data: btoa(text) }],
  cursor: "0.19",
  offset: 0,
  lost_bytes: 0,
  eof: true,
  state: "ended",
  exit_code,
  ended_by: "itself",
});

Deno.test("ctl freeze has a ttl, and names what it left out", async () => {
  const result = { frozen: ["/"], skipped: [{ mount_point: "/boot", reason: "cannot" }] };
  const { code, stdout, stderr, method, params } = await run(["freeze", "--ttl", "5", "/"], result);
  assertEquals([method, params], ["fs_freeze", { ttl_seconds: 5, mount_points: ["/"] }]);
  assertEquals([code, stdout, stderr], [EXIT.ok, "frozen /\n", "left out /boot: cannot\n"]);
  assertEquals((await run(["freeze"], result)).params, { ttl_seconds: 60 });
  assertEquals((await run(["freeze", "--ttl", "0"], result)).code, EXIT.usage);
});

Deno.test("ctl freeze --status tells what is frozen", async () => {
  const frozen = await run(["freeze", "--status"], { frozen: ["/"], remaining_seconds: 7 });
  assertEquals([frozen.method, frozen.stdout], ["fs_freeze_status", "frozen /\nfor 7 s more\n"]);
  const thawed = await run(["freeze", "--status"], { frozen: [] });
  assertEquals(thawed.stdout, "nothing is frozen\n");
});

Deno.test("ctl thaw fails if the freeze did not last until then", async () => {
  const good = { thawed: ["/"], problems: [], ended_by: "request" };
  assertEquals((await run(["thaw"], good)).code, EXIT.ok);
  const early = await run(["thaw"], { thawed: [], problems: [], ended_by: "ttl" });
  assertEquals([early.code, early.stderr.includes("their time was over")], [
    EXIT.errorAnswer,
    true,
  ]);
  const none = await run(["thaw"], { thawed: [], problems: [], ended_by: null });
  assertEquals([none.code, none.stderr.includes("nothing was frozen")], [EXIT.errorAnswer, true]);
});

Deno.test("ctl trim trims what is named, and fails if a file system could not be trimmed", async () => {
  const filesystems = [
    { mount_point: "/", trimmed_bytes: 1024 },
    { mount_point: "/boot", error: "not supported\x1b[2J" },
  ];
  const some = await run(["trim", "/", "/boot"], { filesystems });
  assertEquals([some.method, some.params], ["fs_trim", { mount_points: ["/", "/boot"] }]);
  assertEquals(some.code, EXIT.errorAnswer);
  assertEquals(some.stdout.includes("\x1b"), false);
  const all = await run(["trim", "--json"], { filesystems: filesystems.slice(0, 1) });
  assertEquals([all.code, all.params], [EXIT.ok, {}]);
  assertEquals(JSON.parse(all.stdout).filesystems, filesystems.slice(0, 1));
});

Deno.test("ctl user calls the method of its action", async () => {
  const done = { user: "deploy" };
  const created = await run(["user", "create", "deploy", "audio"], {
    ...done,
    uid: 1001,
    gid: 1001,
    home: "/home/deploy",
  });
  assertEquals([created.method, created.params], [
    "user_create",
    { user: "deploy", groups: ["audio"] },
  ]);
  const deleted = await run(["user", "delete", "deploy", "--remove-home"], done);
  assertEquals([deleted.method, deleted.params], [
    "user_delete",
    { user: "deploy", remove_home: true },
  ]);
  const grouped = await run(["user", "groups", "deploy"], { ...done, groups: [] });
  assertEquals([grouped.code, grouped.method], [EXIT.ok, "user_set_groups"]);
  assertEquals((await run(["user", "rename", "deploy"], done)).code, EXIT.usage);
});

Deno.test("ctl ssh-key lists, adds and removes", async () => {
  const keys = [{
    type: "ssh-ed25519",
    fingerprint: "SHA256:x",
    comment: "\x1b[2J",
    managed: true,
  }];
  const listed = await run(["ssh-key", "list", "deploy"], { keys, truncated: false });
  assertEquals([listed.code, listed.stdout.includes("\x1b")], [EXIT.ok, false]);
  const added = await run(["ssh-key", "add", "deploy", "ssh-ed25519 AAAA"], {
    added: 1,
    already_present: 0,
  });
  assertEquals(added.params, { user: "deploy", keys: ["ssh-ed25519 AAAA"] });
  const removed = await run(["ssh-key", "remove", "deploy"], { removed: 2, kept_foreign: 0 });
  assertEquals([removed.params, removed.stdout], [{ user: "deploy" }, "removed 2\n"]);
});

Deno.test("ctl service with an action controls the service", async () => {
  const state = { unit: "nginx.service", active_state: "active" };
  const restarted = await run(["service", "nginx", "restart"], state);
  assertEquals([restarted.method, restarted.params, restarted.stdout], [
    "service_control",
    { unit: "nginx", action: "restart" },
    "nginx.service active\n",
  ]);
  assertEquals((await run(["service", "nginx", "kill"], state)).code, EXIT.usage);
});

Deno.test("ctl package install follows the job and exits with the manager's status", async () => {
  await using directory = await TempDirectory.make();
  const socket = directory.at("s");
  await using agent = new ScriptedAgent(socket);
  agent.answerer = (request) => ({
    text: resultLine(
      request,
      request.method === "job_read"
        ? endOf("Could not get lock\n", 100)
        : packageInstall.example.result,
    ),
  });
  const args = ["package", "install", "nginx", "htop", "--no-refresh", "--socket", socket];
  const { code, stdout } = await ctl(args);
  const { method, params } = agent.requests[0] ?? {};
  const { job_id: _, ...rest } = z.parse(z.looseObject({ job_id: z.string() }), params);
  assertEquals([method, rest], [
    "package_install",
    { packages: ["nginx", "htop"], refresh: false },
  ]);
  assertEquals([code, stdout], [100, "Could not get lock\n"]);
});

Deno.test("ctl package refuses an unknown action, and install and remove without a name", async () => {
  for (const words of [["frobnicate", "x"], ["install"], ["remove"]]) {
    assertEquals((await run(["package", ...words], {})).code, EXIT.usage);
  }
});

Deno.test("ctl cloud-init status prints the state and its errors", async () => {
  const result = { state: "error", stage: "modules-final", errors: ["runcmd failed"] };
  const { code, stdout, method } = await run(["cloud-init", "status"], result);
  assertEquals([code, method], [EXIT.ok, "cloud_init_status"]);
  assertEquals(stdout, "error, modules-final\nruncmd failed\n");
});

Deno.test("ctl cloud-init apply sends the file and exits with cloud-init's status", async () => {
  await using directory = await TempDirectory.make();
  const content = "#cloud-config\ntimezone: UTC\n";
  await Deno.writeTextFile(directory.at("web.yaml"), content);
  const socket = directory.at("s");
  await using agent = new ScriptedAgent(socket);
  agent.answerer = (request) => ({
    text: resultLine(
      request,
      request.method === "job_read" ? endOf("timezone failed\n", 1) : cloudInitApply.example.result,
    ),
  });
  const { code, stdout } = await ctl([
    ...["cloud-init", "apply", directory.at("web.yaml"), "--socket", socket],
  ]);
  const { method, params } = agent.requests[0] ?? {};
  const { job_id: _, ...rest } = z.parse(z.looseObject({ job_id: z.string() }), params);
  assertEquals([method, rest], ["cloud_init_apply", { content }]);
  assertEquals([code, stdout], [1, "timezone failed\n"]);
});

Deno.test("ctl cloud-init refuses a wrong command line, and a file that cannot be read", async () => {
  for (const words of [["frobnicate"], ["apply"], ["status", "file"]]) {
    assertEquals((await run(["cloud-init", ...words], {})).code, EXIT.usage);
  }
  const missing = await run(["cloud-init", "apply", "/nonexistent"], {});
  assertEquals([missing.code, missing.method], [EXIT.localFile, undefined]);
});
