/**
 * How the gate counts, with stand-ins for everything that it runs.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ROOT } from "../_deno.ts";
import { TempDirectory } from "../lib/_helpers.ts";

const gate = await Deno.readTextFile(`${ROOT}.ci/run`);
/** The tools that the gate requires. */
const TOOLS = /tools="([^"]*)"/.exec(gate)?.[1]?.split(/\s+/) ?? [];
/** Steps that count as one; there are two test runs besides them. */
const STEPS = gate.match(/^step /gm)?.length ?? 0;

const suite = (counts: string) => `<testsuites>\n  <testsuite name="./a" ${counts}>`;
const CLEAN = suite('tests="7" disabled="0" errors="0" failures="0"');

interface Fakes {
  /** The report of `task test`; `null` for none. */
  readonly report?: string | null;
  /** The status of `task test`. */
  readonly status?: number;
  /** Arguments of the `deno` that fails, or the test task that fails after a clean report. */
  readonly failing?: string;
  /** A tool that is not installed. */
  readonly missing?: string;
}

/** Runs the gate with stand-ins; returns its status and what it printed. */
async function runGate({ report = CLEAN, status = 0, failing = "", missing = "" }: Fakes) {
  await using directory = await TempDirectory.make();
  await directory.directory("repository/.ci");
  await Deno.copyFile(`${ROOT}.ci/run`, directory.at("repository/.ci/run"));
  const bin = await directory.directory("bin");
  const put = async (name: string, script: string) => {
    await Deno.writeTextFile(`${bin}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };
  for (const tool of TOOLS) if (tool !== missing) await put(tool, "");
  // The real machine's tools are not reachable, so that one can be missing.
  for (
    const tool of [
      "bash",
      "sh",
      "awk",
      "cat",
      "dirname",
      "env",
      "head",
      "id",
      "mktemp",
      "rm",
      "sed",
      "sleep",
      "tee",
      "timeout",
    ]
  ) {
    const path = await toolPath(tool);
    await Deno.symlink(path, `${bin}/${tool}`);
  }
  await put("apt-get", "");
  await put("sudo", 'exec "$@"');
  await put(
    "npx",
    `[ "$1 $2" = "-y deno@2.9.5" ] || exit 64
shift 2
case $* in
"task test --junit-path="*) [ -z "$REPORT" ] || echo "$REPORT" >"\${3#*=}"; exit "$STATUS" ;;
"task test:"*" --junit-path="*)
  echo '${CLEAN}' >"\${3#*=}"
  [ "$2" != "$FAILING" ] || exit 1
  ;;
"$FAILING") exit 3 ;;
esac`,
  );
  const { code, stdout } = await new Deno.Command(directory.at("repository/.ci/run"), {
    clearEnv: true,
    env: { PATH: bin, REPORT: report ?? "", STATUS: `${status}`, FAILING: failing },
    stdin: "null",
    stderr: "inherit",
  }).output();
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return { code, lines, last: lines.at(-1) };
}

async function toolPath(tool: string): Promise<string> {
  for (const directory of ["/usr/bin", "/bin"]) {
    const info = await Deno.stat(`${directory}/${tool}`).catch(() => undefined);
    if (info !== undefined) return `${directory}/${tool}`;
  }
  throw new Error(`no ${tool}`);
}

/** The test tasks beside `task test`. */
const OTHER_TASKS = [...gate.matchAll(/^(?:two_)?tests (.*)$/gm)]
  .flatMap(([, words = ""]) => words.match(/\btest:\w+/g) ?? []);
/** The tests of these, whose reports are clean. */
const OTHERS = 7 * OTHER_TASKS.length;
const ALL = 7 + OTHERS + STEPS;

Deno.test("the gate's last line counts every test and every step", async () => {
  assert(STEPS > 5 && TOOLS.length > 5);
  const { code, last } = await runGate({});
  assertEquals([code, last], [0, `${ALL} passed, 0 failed`]);
});

Deno.test("a step that fails fails the gate, and the others still run", async () => {
  const { code, lines, last } = await runGate({ failing: "lint" });
  assertEquals([code, last], [1, `${ALL - 1} passed, 1 failed`]);
  assert(lines.includes("FAILED: lint (status 3)"), lines.join("\n"));
  assertMatch(lines.join("\n"), /== lint[^]*== fuzz/);
});

const sideBySide = /^two_tests (\S+) \d+ (\S+) \d+$/m.exec(gate)?.slice(1) ?? [];

for (const task of sideBySide) {
  Deno.test(`of two tasks side by side, the failure of ${task} fails the gate`, async () => {
    const { code, last } = await runGate({ failing: task });
    assertEquals([code, last], [1, `${ALL - 1} passed, 1 failed`]);
  });
}

Deno.test("each test that failed, broke or was skipped counts as failed", async () => {
  const report = `${suite('tests="7" disabled="1" errors="1" failures="2"')}
${suite('tests="3" disabled="0" errors="0" failures="1"')}`;
  const { code, last } = await runGate({ report, status: 1 });
  assertEquals([code, last], [1, `${OTHERS + 5 + STEPS} passed, 5 failed`]);
});

for (
  const [what, fakes, failed] of [
    ["no report", { report: null }, `${OTHERS + STEPS} passed, 1 failed`],
    [
      "a report without tests",
      { report: suite('tests="0"') },
      `${OTHERS + STEPS} passed, 1 failed`,
    ],
    ["a failure that its report does not show", { status: 1 }, `${ALL - 1} passed, 1 failed`],
  ] as const
) {
  Deno.test(`tests that end with ${what} fail the gate`, async () => {
    const { code, last } = await runGate(fakes);
    assertEquals([code, last], [1, failed]);
  });
}

Deno.test("a tool that cannot be installed fails the gate by name", async () => {
  const { code, lines, last } = await runGate({ missing: "socat" });
  assertEquals([code, last], [1, `${ALL} passed, 1 failed`]);
  assert(lines.includes("FAILED: socat is missing"), lines.join("\n"));
});
