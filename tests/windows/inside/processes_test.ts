import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { RpcError } from "../../../lib/base/errors.ts";
import { Once } from "../../../lib/base/memory/once.ts";
import type { RunOptions } from "../../../lib/guest/commands.ts";
import { runCommand } from "../../../lib/platform/windows/processes/run_command.ts";
import { startCommand } from "../../../lib/platform/windows/processes/start_command.ts";
import { baseEnvironment, SYSTEM_DIRECTORY } from "../../../lib/platform/windows/programs.ts";
import { isRunning } from "../../../scripts/windows/selfcheck/process_use.ts";
import { until } from "../../_waiting.ts";

const CMD = `${SYSTEM_DIRECTORY}\\cmd.exe`;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const optionsFor = (args: readonly string[], changes: Partial<RunOptions> = {}): RunOptions => ({
  program: CMD,
  args,
  workingDirectory: SYSTEM_DIRECTORY,
  env: baseEnvironment(),
  maxOutputBytes: 4096,
  timeoutMs: 60_000,
  signal: new AbortController().signal,
  ...changes,
});

/** Runs this Deno, which prints the arguments that it got. */
const ECHO_ARGUMENTS = "console.log(JSON.stringify(Deno.args))";

async function argumentsOf(args: readonly string[]): Promise<unknown> {
  const { stdout, code } = await runCommand(
    optionsFor(["eval", ECHO_ARGUMENTS, ...args], { program: Deno.execPath() }),
  );
  assertEquals(code, 0);
  return JSON.parse(text(stdout.bytes));
}

Deno.test("runCommand() returns output and exit code", async () => {
  const { code, stdout, endedBy } = await runCommand(optionsFor(["/c", "echo hello& exit 7"]));
  assertEquals([code, text(stdout.bytes), endedBy], [7, "hello\r\n", "itself"]);
});

Deno.test("runCommand() passes on its input and its end", async () => {
  const { stdout } = await runCommand(
    optionsFor(COPY, { ...DENO, input: new Once(new TextEncoder().encode("b\r\na\r\n")) }),
  );
  assertEquals(text(stdout.bytes), "b\r\na\r\n");
});

Deno.test("a program gets its arguments unchanged", async () => {
  const hostile = [
    "",
    "a b",
    '"',
    'a"b c',
    "\\",
    "end\\",
    'end\\"',
    "a\\\\b c\\",
    "%PATH%",
    "^&|<>",
    "*",
    "ü 🚀",
    "'",
  ];
  assertEquals(await argumentsOf(hostile), hostile);
});

Deno.test("a variable of the request counts, whatever the case of its name", async () => {
  const env = {
    ...{ "path": "C:\\mine", "Both": "first", "both": "second" },
    ...baseEnvironment(),
  };
  const { stdout } = await runCommand(optionsFor(["/c", "echo %PATH%,%BOTH%"], { env }));
  assertEquals(text(stdout.bytes), "C:\\mine,first\r\n");
});

Deno.test("a program gets no variable but the given ones", async () => {
  const { stdout } = await runCommand(
    optionsFor(["/c", "set"], { env: { SystemRoot: "C:\\windows", ONLY: "this" } }),
  );
  assertStringIncludes(text(stdout.bytes), "ONLY=this\r\n");
  assert(!/^(USERNAME|WINEPREFIX|DENO_DIR)=/m.test(text(stdout.bytes)));
});

/** Deno as a program: copies its input, or stays for ten minutes. */
const COPY = ["eval", "await Deno.stdin.readable.pipeTo(Deno.stdout.writable)"];
const STAY = ["eval", "setTimeout(() => {}, 600000)"];
const DENO = { program: Deno.execPath() };

/** Starts a child that starts another, which prints its process id and stays. */
const TREE = [
  "eval",
  `const child = new Deno.Command(Deno.execPath(), {
     args: ["eval", "setTimeout(() => {}, 600000)"],
   }).spawn();
   console.log(child.pid);
   await child.status;`,
];

Deno.test("a timeout ends a command and what it has started", async () => {
  const { endedBy, isStuck, stdout } = await runCommand(
    optionsFor(TREE, { program: Deno.execPath(), timeoutMs: 8000 }),
  );
  assertEquals([endedBy, isStuck], ["timeout", false]);
  const grandchild = Number(text(stdout.bytes));
  assert(grandchild > 0, `a process id, received ${text(stdout.bytes)}`);
  await until(async () => !await isRunning(grandchild), "end of the grandchild", 30_000);
});

/** As {@link TREE}, of programs that ignore everything that asks them to end. */
const DEAF_TREE = (() => {
  const deaf = 'for (const one of ["SIGINT", "SIGBREAK", "SIGHUP"]) ' +
    "Deno.addSignalListener(one, () => {});";
  const stay = `${deaf} setTimeout(() => {}, 600000)`;
  return [
    "eval",
    `${deaf}
     const child = new Deno.Command(Deno.execPath(), { args: ["eval", ${JSON.stringify(stay)}] })
       .spawn();
     console.log(child.pid);
     setInterval(() => {}, 600000);
     await child.status;`,
  ];
})();

Deno.test("a tree that ignores being asked to end is ended", async () => {
  const { promise: grandchild, resolve } = Promise.withResolvers<number>();
  const onOutput = (_stream: string, bytes: Uint8Array) =>
    Promise.resolve(resolve(Number(text(bytes))));
  const started = startCommand({ ...optionsFor(DEAF_TREE, DENO), onOutput });
  const pid = await grandchild;
  await started.signal("SIGTERM");
  assertEquals((await started.ended).code, 124);
  await until(async () => !await isRunning(pid), "end of the grandchild", 30_000);
});

Deno.test("a cancellation ends a command", async () => {
  const cancelling = new AbortController();
  const running = runCommand(optionsFor(STAY, {
    ...DENO,
    signal: cancelling.signal,
    onStarted: () => cancelling.abort(),
  }));
  assertEquals((await running).endedBy, "cancellation");
});

Deno.test("a program that waits for input gets its end", async () => {
  assertEquals((await runCommand(optionsFor(["/c", "pause"]))).endedBy, "itself");
});

const REFUSALS = [
  ["a missing program", { program: "C:\\no\\such.exe" }, "notFound", "program not found"],
  ["a folder", { program: SYSTEM_DIRECTORY }, "permissionDenied", "is a directory"],
  ["a missing directory", { workingDirectory: "C:\\no" }, "notFound", "working directory"],
  ["a file as directory", { workingDirectory: CMD }, "commandFailed", "is not a directory"],
] as const;

for (const [what, changes, kind, reason] of REFUSALS) {
  Deno.test(`${what} is refused with its reason`, async () => {
    const error = await assertRejects(() => runCommand(optionsFor([], changes)), RpcError);
    assertEquals(error.kind, kind);
    assertStringIncludes(JSON.stringify(error.data), reason);
  });
}

Deno.test("a file that is no program is refused with its reason", async () => {
  const file = await Deno.makeTempFile({ suffix: ".exe" });
  await Deno.writeTextFile(file, "not a program");
  const error = await assertRejects(() => runCommand(optionsFor([], { program: file })), RpcError);
  assertEquals(error.kind, "commandFailed");
  await Deno.remove(file);
});

Deno.test("a file with another extension is refused, even if it is a program", async () => {
  const file = await Deno.makeTempFile({ suffix: ".txt" });
  await Deno.writeTextFile(file, "not a program");
  const error = await assertRejects(() => runCommand(optionsFor([], { program: file })), RpcError);
  assertEquals(error.kind, "commandFailed");
  assertStringIncludes(error.message, "is not a program");
  await Deno.remove(file);
});

Deno.test("a command line beyond the limit of Windows is refused", async () => {
  const error = await assertRejects(
    () => runCommand(optionsFor(["x".repeat(40_000)])),
    RpcError,
  );
  assertEquals(error.kind, "commandFailed");
});

Deno.test("startCommand() delivers output as it arrives, and takes input", async () => {
  const { onOutput, output } = collector();
  const started = startCommand({ ...optionsFor(COPY, DENO), onOutput });
  await started.write(new TextEncoder().encode("b\r\na\r\n"));
  await started.closeInput();
  assertEquals((await started.ended).code, 0);
  assertEquals(output(), "b\r\na\r\n");
});

Deno.test("a signal that ends processes ends a started command", async () => {
  const { onOutput } = collector();
  const started = startCommand({ ...optionsFor(STAY, DENO), onOutput });
  await started.signal("SIGTERM");
  assertEquals((await started.ended).code, 124);
});

Deno.test("a signal that Windows lacks is refused", async () => {
  const { onOutput } = collector();
  const started = startCommand({ ...optionsFor(STAY, DENO), onOutput });
  await assertRejects(() => started.signal("SIGUSR1"), RpcError);
  await started.signal("SIGKILL");
  await started.ended;
});

function collector() {
  let received = "";
  return {
    onOutput: (_stream: string, bytes: Uint8Array) => {
      received += text(bytes);
      return Promise.resolve();
    },
    output: () => received,
  };
}
