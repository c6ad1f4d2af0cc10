import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { METHODS } from "../../handlers/mod.ts";
import { compactJson } from "../../scripts/demo/compact_json.ts";
import { processesWith, runScript, script } from "./_run.ts";
import { TempDirectory } from "../lib/_helpers.ts";

const DEMO = "scripts/demo.ts";
/** What it prints while ten commands run. */
const TEN_RUN = "ping meanwhile";

async function assertNothingLeft(directory: string): Promise<void> {
  assertEquals(await Array.fromAsync(Deno.readDir(directory)), [], "files are left");
  assertEquals(await processesWith(directory), [], "processes are left");
}

/** Starts a demo and resolves once it has printed `text`; disposing of it ends it. */
async function demoUntil(text: string, directory: string) {
  const child = script(DEMO, [], { TMPDIR: directory }).spawn();
  const errors = new Response(child.stderr).text();
  const decoder = new TextDecoder();
  let printed = "";
  const { promise: seen, resolve, reject } = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const bytes of child.stdout) {
      printed += decoder.decode(bytes, { stream: true });
      if (printed.includes(text)) resolve();
    }
    reject(new Error(`the demo ended without printing ${text}`));
  })();
  const ended = async () => {
    const { code } = await child.status;
    await reading;
    return { code, stderr: await errors };
  };
  await seen;
  return {
    child,
    ended,
    // Not left to the runtime, which kills it so that it cannot clear up.
    [Symbol.asyncDispose]: async () => {
      try {
        child.kill("SIGTERM");
      } catch {
        // Ended already.
      }
      await ended();
    },
  };
}

Deno.test("the demo shows every method, exits 0 and leaves nothing", async () => {
  await using directory = await TempDirectory.make();
  const { code, stdout, stderr } = await runScript(DEMO, [], { TMPDIR: directory.path });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  for (const { name } of METHODS) assertStringIncludes(stdout, name);
  for (const outcome of ["-32001", "-32003", "-32601", "did you mean", "10 of 10 done"]) {
    assertStringIncludes(stdout, outcome);
  }
  assert(!stdout.includes("\x1b"), "no terminal, no colour");
  await assertNothingLeft(directory.path);
});

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`the demo leaves nothing when it gets ${signal}`, async () => {
    await using directory = await TempDirectory.make();
    await using demo = await demoUntil(TEN_RUN, directory.path);
    demo.child.kill(signal);
    const { code, stderr } = await demo.ended();
    assertEquals(code, status);
    assertStringIncludes(stderr, "interrupted");
    await assertNothingLeft(directory.path);
  });
}

Deno.test("the demo exits 1, shows the agent's log and leaves nothing when the agent dies", async () => {
  await using directory = await TempDirectory.make();
  await using demo = await demoUntil(TEN_RUN, directory.path);
  const agents = await processesWith(directory.path);
  assertEquals(agents.length, 1);
  for (const pid of agents) Deno.kill(pid, "SIGKILL");
  const { code, stderr } = await demo.ended();
  assertEquals(code, 1);
  assertStringIncludes(stderr, "The demo failed: ");
  assertStringIncludes(stderr, "agent ready");
  await assertNothingLeft(directory.path);
});

const LAYOUTS: readonly (readonly [string, unknown, string])[] = [
  ["a scalar", 1, "1"],
  ["an empty object", {}, "{}"],
  ["an empty list", [], "[]"],
  ["what fits the line", { a: 1, b: [2, 3] }, '{ "a": 1, "b": [2, 3] }'],
  [
    "what does not fit, filling lines",
    { first: 1, second: 2, third: 3 },
    '{ "first": 1, "second": 2,\n  "third": 3 }',
  ],
  ["a member that was left out", { a: undefined }, "{}"],
  ["a long list of objects", [{}, {}, {}, {}], "[{}, {}, … 2 more]"],
];
for (const [what, value, text] of LAYOUTS) {
  Deno.test(`compactJson() lays out ${what}`, () => {
    assertEquals(compactJson(value, 0, 28), text);
  });
}
