import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import * as host from "../../host/mod.ts";
import { runDeno } from "../_deno.ts";
import { TestAgent } from "../agent/_agent.ts";
import { TempDirectory } from "../lib/_helpers.ts";

const MODULE = new URL("../../host/mod.ts", import.meta.url);

/** The example in the docstring of the library. */
async function example(): Promise<string> {
  const [, block = ""] = /```ts\n([^]*?)```/.exec(await Deno.readTextFile(MODULE)) ?? [];
  return block.replaceAll(/^ \* ?/gm, "");
}

Deno.test("the library's example runs against a real agent, as it is written", async () => {
  await using agent = await TestAgent.start();
  await using channels = await TempDirectory.make();
  await using work = await TempDirectory.make();
  const code = (await example())
    .replace("./host/mod.ts", MODULE.href)
    // Where the guest is, and which of its paths this agent allows.
    .replace("LIBVIRT_DIRECTORIES)", `["${channels.path}/*.sock"])`)
    .replace("LIBVIRT_DIRECTORIES, ", "")
    .replaceAll("/tmp/kvmmanager/", `${agent.paths.files}/new/`);
  await Deno.symlink(agent.paths.socket, channels.at("vm1.sock"));
  const program = await work.file("example.ts", code);
  await work.file("site.conf", "content");
  const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
  const main = await work.file(
    "main.ts",
    `Deno.chdir(${JSON.stringify(work.path)}); await import(${JSON.stringify(program)});`,
  );
  const { code: status, stdout, stderr } = await runDeno([
    "run",
    "--quiet",
    "--no-prompt",
    "-A",
    `--config=${config}`,
    main,
  ]);
  assertEquals([status, stderr], [0, ""]);
  assertMatch(stdout, /^\S+ has been up for \d+ s\nits kernel is \S+\n$/);
  assertEquals(await Deno.readTextFile(`${agent.paths.files}/new/site.conf`), "content");
  assertEquals(await Deno.readTextFile(work.at("copy-of-site.conf")), "content");
});

Deno.test("the library exports what a program needs, and nothing else", () => {
  assertEquals(Object.keys(host).sort(), [
    "AgentClient",
    "AgentLink",
    "AgentPool",
    "AnswerError",
    "CHANNEL_NAME",
    "CallError",
    "LIBVIRT_DIRECTORIES",
    "RemoteJob",
    "TransferError",
    "channelsNamed",
    "findChannels",
    "followEvents",
    "followLog",
    "measureClockOffset",
    "pull",
    "pullStream",
    "push",
    "pushStream",
  ]);
});

/** Types that are derived from the methods' schemas; what they come to is in docs/protocol.md. */
const DERIVED = ["MethodName", "ParamsOf", "ResultOf"];

Deno.test("everything that the library exports is described, and its types are exported too", async () => {
  const { stdout, stderr } = await runDeno(["doc", "--lint", fromFileUrl(MODULE)]);
  // deno-lint-ignore no-control-regex -- colours
  const text = (stdout + stderr).replaceAll(/\x1b\[[0-9;]*m/g, "");
  const problems = text.split("\n").filter((line) =>
    /^error\[/.test(line) && !DERIVED.some((name) => line.includes(`public type '${name}'`))
  );
  assertEquals(problems, [], text);
});
