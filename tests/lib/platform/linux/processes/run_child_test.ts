import { assert, assertEquals, assertRejects } from "@std/assert";
import { Once } from "../../../../../lib/base/memory/once.ts";
import type { RunOptions, RunResult } from "../../../../../lib/guest/commands.ts";
import { runChild } from "../../../../../lib/platform/linux/processes/run_child.ts";
import { NEVER, TempDirectory } from "../../../_helpers.ts";
import { until, within } from "../../../../_waiting.ts";
import { endProcess, isAlive } from "../../../../_processes.ts";
import { runTestScript } from "../../../../_deno.ts";

/** Long enough on any busy machine; no test waits for it. */
const LONG_MS = 60_000;

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Whether somebody has taken the value. */
function isTaken(once: Once<unknown>): boolean {
  try {
    return once.value === undefined;
  } catch {
    return true;
  }
}

/** Runs a shell script as a child; `$1` … are its arguments. */
function sh(
  script: string,
  { args = [], ...options }: Partial<RunOptions> = {},
): Promise<RunResult> {
  return runChild({
    program: "/bin/sh",
    args: ["-c", script, "sh", ...args],
    workingDirectory: "/",
    env: { PATH: "/usr/bin:/bin" },
    maxOutputBytes: 64 * 1024,
    timeoutMs: LONG_MS,
    signal: NEVER,
    ...options,
  });
}

/** The process ids that a script printed, one per line. */
const pidsOf = (result: RunResult) => textOf(result.stdout.bytes).trim().split("\n").map(Number);

async function expectGone(pids: readonly number[]): Promise<void> {
  assert(pids.length > 0 && pids.every((pid) => pid > 1), `process ids: ${pids}`);
  try {
    for (const pid of pids) await until(async () => !(await isAlive(pid)), `end of ${pid}`);
  } finally {
    for (const pid of pids) endProcess(pid);
  }
}

Deno.test("a child's outputs are kept apart, with its exit status and duration", async () => {
  const { durationMs, ...result } = await sh("echo out; echo err >&2; exit 7");
  assertEquals(result, {
    code: 7,
    signal: null,
    endedBy: "itself",
    isStuck: false,
    stdout: { bytes: bytesOf("out\n"), truncated: false },
    stderr: { bytes: bytesOf("err\n"), truncated: false },
  });
  assert(Number.isInteger(durationMs) && durationMs >= 0 && durationMs < LONG_MS);
});

for (const code of [0, 1, 2, 126, 127, 128, 200, 255]) {
  Deno.test(`a child's exit status ${code} is a result`, async () => {
    const result = await sh(`exit ${code}`);
    assertEquals([result.code, result.signal, result.endedBy], [code, null, "itself"]);
  });
}

for (
  const [signal, number] of [
    ["SIGKILL", 9],
    ["SIGTERM", 15],
    ["SIGHUP", 1],
    ["SIGINT", 2],
    ["SIGABRT", 6],
    ["SIGUSR1", 10],
  ] as const
) {
  Deno.test(`a child killed by ${signal} has the status ${128 + number}`, async () => {
    const result = await sh(`kill -${number} $$; sleep 60`);
    assertEquals([result.code, result.signal, result.endedBy], [128 + number, signal, "itself"]);
  });
}

Deno.test("a child gets its arguments unchanged, without a shell", async () => {
  const args = [
    "",
    " ",
    "a b",
    "$HOME",
    "$(id)",
    "`id`",
    "*",
    "'",
    '"',
    "\\",
    "-n",
    "--",
    "a\nb",
    "ü😀",
  ];
  const result = await sh('printf "%s\\0" "$@"', { args });
  assertEquals(textOf(result.stdout.bytes).split("\0"), [...args, ""]);
});

Deno.test("a child has only the environment it is given", async () => {
  assert(Object.keys(Deno.env.toObject()).length > 0);
  const result = await runChild({
    program: "/usr/bin/env",
    args: [],
    workingDirectory: "/",
    env: { A: "1", B: "two words", C: "", D: "a=b\nc" },
    maxOutputBytes: 1000,
    timeoutMs: LONG_MS,
    signal: NEVER,
  });
  assertEquals(textOf(result.stdout.bytes), "A=1\nB=two words\nC=\nD=a=b\nc\n");
});

Deno.test("a child starts in its working directory", async () => {
  await using directory = await TempDirectory.make();
  const result = await sh("pwd", { workingDirectory: directory.path });
  assertEquals(textOf(result.stdout.bytes), `${directory.path}\n`);
});

Deno.test("a child leads its own process group", async () => {
  const result = await sh("echo $$; ps -o pgid= -p $$ | tr -d ' '");
  const [pid, group] = pidsOf(result);
  assertEquals(group, pid);
});

Deno.test("a child that reads its input reaches the end at once", async () => {
  const result = await within(sh("cat; echo end"), "the end of cat");
  assertEquals(textOf(result.stdout.bytes), "end\n");
});

Deno.test("a child reads the bytes it is given, and then the end", async () => {
  const input = Uint8Array.from({ length: 200_000 }, (_, i) => i * 7 % 256);
  const result = await sh("cat", { input: new Once(input), maxOutputBytes: 1_000_000 });
  assertEquals(result.stdout.truncated, false);
  assert(result.stdout.bytes.byteLength === input.byteLength);
  assert(result.stdout.bytes.every((byte, i) => byte === input[i]));
});

Deno.test("an empty input is an input", async () => {
  const result = await sh("cat; echo end", { input: new Once(new Uint8Array(0)) });
  assertEquals(textOf(result.stdout.bytes), "end\n");
});

Deno.test("a child's input is not held while the child runs", async () => {
  const input = new Once(bytesOf("read"));
  const controller = new AbortController();
  const started = Promise.withResolvers<void>();
  const running = sh("exec sleep 3600", {
    input,
    signal: controller.signal,
    onStarted: () => started.resolve(),
  });
  await started.promise;
  await until(() => isTaken(input), "the input to be taken");
  controller.abort();
  assertEquals((await running).endedBy, "cancellation");
});

Deno.test("a child need not read its input", async () => {
  const input = new Uint8Array(1024 * 1024);
  for (const script of ["exit 3", "exec <&-; exit 3", "head -c 1 >/dev/null; exit 3"]) {
    const result = await within(sh(script, { input: new Once(input) }), script);
    assertEquals([result.code, result.endedBy], [3, "itself"], script);
  }
});

Deno.test("binary output arrives unchanged", async () => {
  const result = await sh("printf '\\377\\376\\000\\n\\200'; printf '\\001' >&2");
  assertEquals(result.stdout.bytes, Uint8Array.of(0xff, 0xfe, 0, 0x0a, 0x80));
  assertEquals(result.stderr.bytes, Uint8Array.of(1));
});

for (const size of [0, 1, 999, 1000, 1001, 70_000]) {
  Deno.test(`of ${size} bytes of output the first 1000 are kept`, async () => {
    const script = 'head -c "$1" /dev/zero | tr "\\0" x; head -c "$1" /dev/zero | tr "\\0" y >&2';
    const result = await sh(script, { args: [`${size}`], maxOutputBytes: 1000 });
    const kept = Math.min(size, 1000);
    assertEquals(textOf(result.stdout.bytes), "x".repeat(kept));
    assertEquals(textOf(result.stderr.bytes), "y".repeat(kept));
    assertEquals([result.stdout.truncated, result.stderr.truncated], [size > 1000, size > 1000]);
    assertEquals(result.code, 0);
  });
}

Deno.test("a child that prints 100 MB runs to its end without growing the agent", async () => {
  const before = Deno.memoryUsage().external;
  const result = await sh("head -c 104857600 /dev/zero; echo end >&2", { maxOutputBytes: 1000 });
  const grown = Deno.memoryUsage().external - before;
  assertEquals([result.code, result.stdout.bytes.byteLength, result.stdout.truncated], [
    0,
    1000,
    true,
  ]);
  assertEquals(textOf(result.stderr.bytes), "end\n");
  assert(grown < 16 * 1024 * 1024, `${grown} bytes more`);
});

Deno.test("output that is not captured goes to /dev/null", async () => {
  const result = await sh('[ -t 1 ] || readlink /proc/$$/fd/1 >"$1"; echo out; echo err >&2', {
    maxOutputBytes: 0,
    args: ["/dev/null"],
  });
  assertEquals([result.code, result.stdout.bytes.byteLength], [0, 0]);
  assertEquals([result.stdout.truncated, result.stderr.truncated], [false, false]);
});

Deno.test("a child that takes too long is killed, and its output so far is kept", async () => {
  const start = performance.now();
  const result = await sh("echo partial; echo so far >&2; sleep 300", { timeoutMs: 1000 });
  assertEquals([result.code, result.signal, result.endedBy], [143, "SIGTERM", "timeout"]);
  assertEquals(textOf(result.stdout.bytes), "partial\n");
  assertEquals(textOf(result.stderr.bytes), "so far\n");
  assert(result.durationMs >= 1000 && performance.now() - start < 20_000);
});

Deno.test("a child may clean up on SIGTERM before the result", async () => {
  const result = await sh(
    "trap 'echo cleaning; exit 5' TERM; echo started; while :; do sleep 0.05; done",
    { timeoutMs: 1000 },
  );
  assertEquals([result.code, result.signal, result.endedBy], [5, null, "timeout"]);
  assertEquals(textOf(result.stdout.bytes), "started\ncleaning\n");
});

Deno.test("a child and a grandchild that ignore SIGTERM are killed", async () => {
  const result = await sh(
    "trap '' TERM; echo $$; sleep 300 & echo $!; (sleep 301; :) & echo $!; wait; sleep 302",
    { timeoutMs: 1000 },
  );
  assertEquals([result.code, result.signal, result.endedBy], [137, "SIGKILL", "timeout"]);
  await expectGone(pidsOf(result));
});

Deno.test("grandchildren that ignore SIGTERM are killed with a child that obeys", async () => {
  const result = await sh(
    "sleep 300 & echo $!; (trap '' TERM; sleep 301 & echo $!; wait) & echo $!; wait",
    { timeoutMs: 1000 },
  );
  assertEquals(result.endedBy, "timeout");
  const pids = pidsOf(result);
  assertEquals(pids.length, 3);
  await expectGone(pids);
});

Deno.test("a grandchild in another session does not delay a timeout", async () => {
  const result = await within(
    sh("setsid sleep 300 & echo $!; sleep 301", { timeoutMs: 1000 }),
    "the result",
  );
  try {
    assertEquals(result.endedBy, "timeout");
  } finally {
    for (const pid of pidsOf(result)) endProcess(pid);
  }
});

Deno.test("a stopped child is ended too", async () => {
  const result = await within(sh("kill -STOP $$", { timeoutMs: 1000 }), "the result");
  assertEquals([result.signal, result.endedBy], ["SIGTERM", "timeout"]);
});

Deno.test("a background process that holds the output does not delay the result", async () => {
  const start = performance.now();
  const result = await sh("sleep 300 & echo $!; echo started >&2; exit 4");
  const took = performance.now() - start;
  const [pid = 0] = pidsOf(result);
  try {
    assertEquals([result.code, result.endedBy], [4, "itself"]);
    assertEquals(textOf(result.stderr.bytes), "started\n");
    assert(took < 5000, `${took} ms`);
    assert(await isAlive(pid), "what the child left running was left running");
  } finally {
    endProcess(pid);
  }
});

Deno.test("a background process that prints forever does not delay the result", async () => {
  const start = performance.now();
  // The shell exits only when the background process runs, and prints more than is kept itself.
  const script = `yes &
    until read -r name </proc/$!/comm && [ "$name" = yes ]; do :; done
    echo $! >&2
    head -c 70000 /dev/zero`;
  const result = await within(sh(script), "the result");
  const pid = Number(textOf(result.stderr.bytes));
  endProcess(pid);
  assert(pid > 1);
  assertEquals([result.code, result.stdout.truncated], [0, true]);
  assert(performance.now() - start < 10_000);
});

Deno.test("all output of a child is kept, however quickly it exits", async () => {
  const script = "head -c 60000 /dev/zero | tr '\\0' x";
  const results = await Promise.all(Array.from({ length: 20 }, () => sh(script)));
  for (const { stdout } of results) assertEquals(stdout.bytes.byteLength, 60_000);
});

Deno.test("a cancelled child's group is killed, and its output so far is kept", async () => {
  await using directory = await TempDirectory.make();
  const controller = new AbortController();
  const running = sh('echo $$; sleep 300 & echo $!; : > "$1"; wait', {
    args: [directory.at("started")],
    signal: controller.signal,
  });
  await until(
    () => Deno.stat(directory.at("started")).then(() => true, () => false),
    "the child's start",
  );
  controller.abort(new Error("cancelled"));
  const result = await within(running, "the result");
  assertEquals([result.code, result.signal, result.endedBy], [143, "SIGTERM", "cancellation"]);
  await expectGone(pidsOf(result));
});

Deno.test("a child that was cancelled before its start is not started", async () => {
  await using directory = await TempDirectory.make();
  const signal = AbortSignal.abort(new Error("cancelled"));
  await assertRejects(
    () => sh(': > "$1"', { args: [directory.at("started")], signal }),
    Error,
    "cancelled",
  );
  assertEquals(await Deno.stat(directory.at("started")).then(() => true, () => false), false);
});

Deno.test("a cancellation after the exit changes nothing", async () => {
  const controller = new AbortController();
  const result = await sh("exit 0", { signal: controller.signal });
  controller.abort();
  assertEquals(result.endedBy, "itself");
});

for (
  const [what, options, kind] of [
    ["a program that is missing", { program: "/no/such/program" }, Deno.errors.NotFound],
    ["a program below a file", { program: "/etc/passwd/x" }, Error],
    ["a directory as program", { program: "/usr" }, Deno.errors.PermissionDenied],
    ["a file that is not executable", { program: "/etc/passwd" }, Deno.errors.PermissionDenied],
    ["a missing working directory", { workingDirectory: "/no/such" }, Deno.errors.NotFound],
    ["a file as working directory", { workingDirectory: "/etc/passwd" }, Deno.errors.NotFound],
    ["too many bytes of arguments", { args: ["x".repeat(3_000_000)] }, Error],
  ] as const
) {
  Deno.test(`${what} is an error and leaves nothing behind`, async () => {
    await assertRejects(
      () => sh("exit 0", { ...options, input: new Once(bytesOf("input")) }),
      kind,
    );
  });
}

Deno.test("ten children that print much at once do not affect each other", async () => {
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      sh('head -c 1000000 /dev/zero | tr "\\0" "$1"', {
        args: [`${i}`],
        maxOutputBytes: 500_000,
      })),
  );
  results.forEach(({ stdout }, i) => {
    assert(textOf(stdout.bytes) === `${i}`.repeat(500_000));
    assert(stdout.truncated);
  });
});

Deno.test("a confined agent ends a child's group too, through the shell", async () => {
  const { code, stdout, stderr } = await runTestScript(
    "lib/platform/linux/processes/_time_out.ts",
    {
      flags: ["--allow-run=/bin/sh"],
    },
  );
  assertEquals(code, 0, stderr);
  const { endedBy, signal, pids } = JSON.parse(stdout);
  assertEquals([endedBy, signal], ["timeout", "SIGTERM"]);
  await expectGone(pids);
});
