import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { METHODS } from "../../handlers/mod.ts";
import { linesOfRecording, recordingOf, shownLines } from "../../scripts/demo/recording.ts";
import { compactJson } from "../../scripts/demo/compact_json.ts";
import { processesWith, runScript, script } from "./_run.ts";
import { TempDirectory } from "../lib/_helpers.ts";

const DEMO = "scripts/demo.ts";
/** Printed while ten commands run. */
const TEN_RUN = "ping while they run";

async function assertNothingLeft(directory: string): Promise<void> {
  assertEquals(await Array.fromAsync(Deno.readDir(directory)), [], "files remain");
  assertEquals(await processesWith(directory), [], "processes remain");
}

/** Starts a demo and resolves once it has printed `text`. Disposing of it stops it. */
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
    // The runtime would kill it, and it could not clean up.
    [Symbol.asyncDispose]: async () => {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has already exited.
      }
      await ended();
    },
  };
}

Deno.test("the demo calls every method, exits 0 and leaves nothing behind", async () => {
  await using directory = await TempDirectory.make();
  const { code, stdout, stderr } = await runScript(DEMO, [], { TMPDIR: directory.path });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  for (const { name } of METHODS) assertStringIncludes(stdout, name);
  for (const outcome of ["-32001", "-32003", "-32601", "did you mean", "10 of 10 finished"]) {
    assertStringIncludes(stdout, outcome);
  }
  assert(!stdout.includes("\x1b"), "colour without a terminal");
  await assertNothingLeft(directory.path);
});

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`the demo leaves nothing behind when it receives ${signal}`, async () => {
    await using directory = await TempDirectory.make();
    await using demo = await demoUntil(TEN_RUN, directory.path);
    demo.child.kill(signal);
    const { code, stderr } = await demo.ended();
    assertEquals(code, status);
    assertStringIncludes(stderr, "interrupted");
    await assertNothingLeft(directory.path);
  });
}

Deno.test("the demo exits 1 with the agent's log and leaves nothing behind when the agent dies", async () => {
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

/** The text of a run without what differs between runs: times, temporary paths, line breaks. */
const comparable = (text: string): string =>
  text
    .replace(/[^\s"]*\/kvm-demo-[0-9a-f]{4}/g, "DIRECTORY")
    .replace(/\b\d+(\.\d+)? m?s\b/g, "DURATION")
    .replace(/"(timestamp|execution_time_ms)": \d+/g, '"$1": NUMBER')
    .replace(/\s+/g, " ");

Deno.test("docs/demo.svg shows what a run prints: else run deno task demo:record", async () => {
  const svg = await Deno.readTextFile(new URL("../../docs/demo.svg", import.meta.url));
  const { stdout } = await runScript(DEMO);
  assertEquals(
    comparable(linesOfRecording(svg).join("\n")),
    comparable(linesOfRecording(recordingOf(stdout, "demo")).join("\n")),
  );
});

Deno.test("shownLines() keeps the introduction, some steps and the conclusion", () => {
  const output = [
    "introduction",
    " 1 Run a command: any",
    "   shown",
    " 2 Second",
    "   left out",
    " 3 Third",
    "   left out",
    "Called all 3 methods in 1 s.",
    "   Next:",
  ];
  assertEquals(shownLines(output.join("\n")), [
    "introduction",
    " 1 Run a command: any",
    "   shown",
    "   ⋮",
    "",
    "Called all 3 methods in 1 s.",
  ]);
});

Deno.test("recordingOf() escapes XML and keeps colours, and linesOfRecording() reads it back", () => {
  const svg = recordingOf('\x1b[36m→\x1b[0m <a> & "b"\n\n   indented', "demo");
  assertStringIncludes(svg, '<tspan style="fill:#79c0ff">→</tspan> &lt;a&gt; &amp; &quot;b&quot;');
  assertEquals(linesOfRecording(svg), ['→ <a> & "b"', "   indented"]);
});

const LAYOUTS: readonly (readonly [string, unknown, string])[] = [
  ["a number", 1, "1"],
  ["an empty object", {}, "{}"],
  ["an empty array", [], "[]"],
  ["what fits on the line", { a: 1, b: [2, 3] }, '{ "a": 1, "b": [2, 3] }'],
  [
    "what does not fit, wrapped",
    { first: 1, second: 2, third: 3 },
    '{ "first": 1, "second": 2,\n  "third": 3 }',
  ],
  ["an undefined member", { a: undefined }, "{}"],
  ["a long array of objects", [{}, {}, {}, {}], "[{}, {}, … 2 more]"],
];
for (const [what, value, text] of LAYOUTS) {
  Deno.test(`compactJson() formats ${what}`, () => {
    assertEquals(compactJson(value, 0, 28), text);
  });
}
