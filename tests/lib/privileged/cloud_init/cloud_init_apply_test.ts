import { assertEquals, assertMatch } from "@std/assert";
import { cloudInitApplyAsRoot } from "../../../../lib/privileged/cloud_init/cloud_init_apply.ts";
import { COMMAND_FAILED, INVALID_PARAMS } from "../../../_error_codes.ts";
import { rpcErrorOf } from "../../_helpers.ts";
import { type Answer, ScriptedRoot } from "../_scripted_root.ts";

const HEADER = "#cloud-config\n";
const DOCUMENT = `${HEADER}timezone: UTC\nruncmd:\n- [touch, /a]\nwrite_files: []\n`;

const apply = (content: unknown, root: ScriptedRoot) =>
  Promise.try(() => cloudInitApplyAsRoot.prepare({ content }).run(root));

const module = (name: string, file: string) =>
  `cloud-init --file ${file} single --name ${name} --frequency always`;

Deno.test("a document is checked, and its modules run one after the other, runcmd last", async () => {
  const root = new ScriptedRoot();
  assertEquals(await apply(DOCUMENT, root), { exit_code: 0 });
  assertEquals(root.commandLines, [
    "cloud-init schema --config-file /kept/1",
    module("write_files", "/kept/1"),
    module("timezone", "/kept/1"),
    module("bootcmd", "/kept/2"),
  ]);
  assertEquals(root.kept, [DOCUMENT, '{"bootcmd":[["touch","/a"]]}']);
});

Deno.test("a module that fails ends it, and is named", async () => {
  const root = new ScriptedRoot(({ args }) => ({ code: args.includes("timezone") ? 1 : 0 }));
  assertEquals(await apply(DOCUMENT, root), { exit_code: 1 });
  assertEquals(root.told, ["kvmmanager-agent: timezone failed with status 1"]);
  assertEquals(root.runs.length, 3);
});

/** Refused before any module runs. */
async function refusal(content: unknown, answer?: Answer, missing: readonly string[] = []) {
  const root = new ScriptedRoot(answer);
  root.missing = missing;
  const error = await rpcErrorOf(() => apply(content, root));
  assertEquals(root.runs.filter(({ args }) => args.includes("single")), []);
  return error;
}

Deno.test("what cloud-init's own check says is given back, and stays out of the record", async () => {
  const stderr = "Invalid cloud-config /kept/1\nError: schema errors: users.0.passwd: 5 is bad\n";
  const error = await refusal(DOCUMENT, () => ({ code: 1, stderr }));
  assertEquals([error.code, error.data.messages], [
    INVALID_PARAMS,
    ["Invalid cloud-config content", "Error: schema errors: users.0.passwd: 5 is bad"],
  ]);
  // The broker's record ends before what was received.
  assertMatch(error.data.reason, /^content must pass cloud-init's own check, received Invalid/);
});

Deno.test("a guest without cloud-init, or with an old one, says so", async () => {
  const missing = await refusal(DOCUMENT, undefined, ["cloud-init"]);
  assertEquals(missing.code, COMMAND_FAILED);
  assertMatch(missing.message, /this guest has no cloud-init/);
  const old = await refusal(DOCUMENT, () => ({ code: 2, stderr: "invalid choice: 'schema'" }));
  assertEquals(old.code, COMMAND_FAILED);
  assertMatch(old.message, /22\.2 or newer/);
});

for (
  const [what, content] of [
    ["no first line", "timezone: UTC\n"],
    ["a script", "#!/bin/sh\nreboot\n"],
    ["no YAML", `${HEADER}a: [\n`],
    ["a key that a running guest cannot apply", `${HEADER}power_state: {mode: reboot}\n`],
    ["10 MB", `${HEADER}a: ${"x".repeat(10_000_000)}\n`],
    ["another type", 5],
  ] as const
) {
  Deno.test(`a document with ${what} is refused and not repeated`, async () => {
    const { code, message } = await refusal(content);
    assertEquals([code, message.length < 200], [INVALID_PARAMS, true]);
  });
}
