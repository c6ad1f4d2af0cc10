import { assert, assertEquals, assertRejects } from "@std/assert";
import { Once } from "../../../../../lib/base/memory/once.ts";
import { runInCommandCgroup } from "../../../../../lib/platform/linux/processes/command_cgroup.ts";
import type { RunOptions } from "../../../../../lib/guest/commands.ts";
import { rpcErrorOf, TempDirectory } from "../../../_helpers.ts";

const { signal } = new AbortController();
const options: RunOptions = {
  program: "/bin/true",
  args: [],
  workingDirectory: "/",
  env: {},
  maxOutputBytes: 10_000,
  timeoutMs: 10_000,
  signal,
};

const textOf = ({ bytes }: { bytes: Uint8Array }) => new TextDecoder().decode(bytes);

Deno.test("runInCommandCgroup() runs a program as if there were no shell", async () => {
  const args = ["%s|", "a b", "$HOME", "'", "", "-e", "*", "\\n"];
  const { code, stdout, stderr } = await runInCommandCgroup({
    ...options,
    program: "/usr/bin/printf",
    args,
  });
  assertEquals([code, textOf(stderr)], [0, ""]);
  assertEquals(textOf(stdout), args.slice(1).map((word) => `${word}|`).join(""));
});

Deno.test("runInCommandCgroup() neither adds variables nor removes any", async () => {
  const environments: Record<string, string>[] = [
    {},
    { A: "1" },
    { PWD: "/", SHLVL: "7", group: "g" },
  ];
  for (const env of environments) {
    const { stdout } = await runInCommandCgroup({ ...options, program: "/usr/bin/env", env });
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}\n`);
    assertEquals(textOf(stdout).split("\n").sort(), variables.join("").split("\n").sort());
  }
});

Deno.test("runInCommandCgroup() rejects a variable that the shell would leave out", async () => {
  for (const name of ["with space", "IFS", "1A", "A-B", "ä", "A\nB"]) {
    const error = await rpcErrorOf(() => runInCommandCgroup({ ...options, env: { [name]: "x" } }));
    assertEquals(error.code, -32602, name);
  }
});

Deno.test("runInCommandCgroup() passes input on and returns the status and signal of the program itself", async () => {
  const input = new TextEncoder().encode("hello");
  const { stdout } = await runInCommandCgroup({
    ...options,
    program: "/bin/cat",
    input: new Once(input),
  });
  assertEquals(textOf(stdout), "hello");
  const run = (script: string) =>
    runInCommandCgroup({ ...options, program: "/bin/sh", args: ["-c", script] });
  for (const code of [1, 125, 126, 127, 255]) {
    assertEquals((await run(`echo said >&2; exit ${code}`)).code, code);
  }
  const killed = await run("kill -9 $$");
  assertEquals([killed.code, killed.signal], [137, "SIGKILL"]);
});

Deno.test("runInCommandCgroup() kills the program itself after its time limit, not a shell around it", async () => {
  const ended = await runInCommandCgroup({
    ...options,
    program: "/bin/sleep",
    args: ["1000"],
    timeoutMs: 50,
  });
  assertEquals([ended.endedBy, ended.signal], ["timeout", "SIGTERM"]);
});

Deno.test("runInCommandCgroup() runs a program whose output nobody wants", async () => {
  const status = (code: number) =>
    runInCommandCgroup({
      ...options,
      program: "/bin/sh",
      args: ["-c", `echo out; echo err >&2; exit ${code}`],
      maxOutputBytes: 0,
    });
  for (const code of [0, 3, 126]) {
    const { code: ended, stdout, stderr } = await status(code);
    assertEquals([ended, textOf(stdout), textOf(stderr)], [code, "", ""]);
  }
});

for (const maxOutputBytes of [10_000, 0]) {
  Deno.test(`runInCommandCgroup() recognizes a missing program, keeping ${maxOutputBytes} bytes`, async () => {
    await using directory = await TempDirectory.make();
    const missing = { ...options, maxOutputBytes, program: directory.at("missing") };
    const error = await assertRejects(() => runInCommandCgroup(missing), Deno.errors.NotFound);
    assert(!error.message.includes("/bin/sh"), error.message);
  });
}

Deno.test("runInCommandCgroup() tells a file that cannot be executed from a program that fails", async () => {
  await using directory = await TempDirectory.make();
  const program = await directory.file("file", "no program");
  for (const maxOutputBytes of [10_000, 0]) {
    await assertRejects(
      () => runInCommandCgroup({ ...options, maxOutputBytes, program }),
      Deno.errors.PermissionDenied,
    );
  }
});

Deno.test({
  name: "runInCommandCgroup() runs nothing that Deno's permissions do not list",
  permissions: { run: ["/bin/sh", "/usr/bin/sh", "/bin/true"], read: true },
  fn: async () => {
    assertEquals((await runInCommandCgroup(options)).code, 0);
    const refused = { ...options, program: "/usr/bin/id" };
    await assertRejects(() => runInCommandCgroup(refused), Deno.errors.NotCapable);
  },
});
