import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { RunOptions } from "../../../../../lib/guest/commands.ts";
import { runCommand } from "../../../../../lib/platform/linux/processes/run_command.ts";
import { NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";

const options: RunOptions = {
  program: "/bin/true",
  args: [],
  workingDirectory: "/",
  env: {},
  maxOutputBytes: 10_000,
  timeoutMs: 60_000,
  signal: NEVER,
};

/** Starts of commands that fail, with the code and the reason. */
async function failingStarts(
  directory: TempDirectory,
): Promise<[what: string, changes: Partial<RunOptions>, code: number, reason: RegExp][]> {
  const file = async (name: string, content: string, mode: number) => {
    const path = await directory.file(name, content);
    await Deno.chmod(path, mode);
    return path;
  };
  await Deno.symlink("nowhere", directory.at("dangling"));
  return [
    ["a missing program", { program: directory.at("no") }, -32002, /^program not found: .*\/no$/],
    [
      "a dangling link",
      { program: directory.at("dangling") },
      -32002,
      /dangling is a symbolic link to a file that does not exist$/,
    ],
    [
      "a missing interpreter",
      { program: await file("script", "#!/no/such -x\n", 0o755) },
      -32002,
      /script needs its interpreter \/no\/such, which does not exist$/,
    ],
    [
      "an interpreter that is not executable",
      { program: await file("passwd", "#!/etc/passwd\n", 0o755) },
      -32001,
      /passwd or its interpreter \/etc\/passwd cannot be executed; check permissions/,
    ],
    [
      "a file without an executable bit",
      { program: await file("plain", "#!/bin/sh\n", 0o644) },
      -32001,
      /plain is not executable for the agent's user$/,
    ],
    ["a directory", { program: directory.path }, -32001, /is a directory, not a program$/],
    ["a device", { program: "/dev/null" }, -32001, /is not a regular file/],
  ];
}

for (const isSeparate of [false, true]) {
  const way = isSeparate ? "in the control group for commands" : "directly";

  Deno.test(`runCommand() explains why a program cannot be started ${way}`, async (t) => {
    await using directory = await TempDirectory.make();
    for (const [what, changes, code, reason] of await failingStarts(directory)) {
      for (const maxOutputBytes of [10_000, 0]) {
        // What the kernel alone knows is lost with the shell's message.
        if (isSeparate && maxOutputBytes === 0 && /interpreter|device/.test(what)) continue;
        await t.step(`${what}, keeping ${maxOutputBytes} bytes`, async () => {
          const error = await rpcErrorOf(() =>
            runCommand({ ...options, ...changes, maxOutputBytes }, isSeparate)
          );
          assertMatch(error.data.reason, reason);
          assertEquals(error.code, code);
        });
      }
    }
  });

  Deno.test(`runCommand() names a working directory that it cannot enter ${way}`, async () => {
    for (
      const [workingDirectory, code, reason] of [
        ["/no/such", -32002, "the working directory /no/such does not exist"],
        ["/etc/passwd", -32000, "the working directory /etc/passwd is not a directory"],
      ] as const
    ) {
      const error = await rpcErrorOf(() =>
        runCommand({ ...options, workingDirectory }, isSeparate)
      );
      assertEquals([error.code, error.data.reason], [code, reason]);
    }
  });

  Deno.test(`runCommand() says that arguments are too long ${way}`, async () => {
    const error = await rpcErrorOf(() =>
      runCommand({ ...options, args: ["x".repeat(4_000_000)] }, isSeparate)
    );
    assertEquals(error.code, -32000);
    assertMatch(error.data.reason, /could not be started: Argument list too long; args, env/);
  });

  Deno.test(`runCommand() reports binary data instead of the shell's complaint ${way}`, async () => {
    await using directory = await TempDirectory.make();
    const program = directory.at("data");
    await Deno.writeFile(program, Uint8Array.of(1, 0, 2, 0, 10), { mode: 0o755 });
    const error = await rpcErrorOf(() => runCommand({ ...options, program }, isSeparate));
    assertEquals(error.code, -32000);
    assertMatch(
      error.data.reason,
      /data is not a program that this machine can run: .* binary data/,
    );
  });

  Deno.test(`runCommand() runs a script without #! in the shell ${way}`, async () => {
    await using directory = await TempDirectory.make();
    const program = await directory.file("bare", 'echo "$1"; exit 2\n');
    await Deno.chmod(program, 0o755);
    const { code, stdout } = await runCommand({ ...options, program, args: ["ran"] }, isSeparate);
    assertEquals([code, new TextDecoder().decode(stdout.bytes)], [2, "ran\n"]);
  });

  Deno.test(`runCommand() leaves the failure of a program alone ${way}`, async () => {
    for (
      const [args, code] of [
        [["-c", 'echo "/bin/sh: 1: x: not found" >&2; exit 127'], 127],
        [["-c", "no-such-program"], 127],
        [["-c", "exit 126"], 126],
        [["-c", "("], 2],
      ] as const
    ) {
      assertEquals(
        (await runCommand({ ...options, program: "/bin/sh", args }, isSeparate)).code,
        code,
      );
    }
  });
}

Deno.test("runCommand() throws the signal's reason if it is aborted before the start", async () => {
  const signal = AbortSignal.abort(new Error("cancelled"));
  await assertRejects(() => runCommand({ ...options, signal }, false), Error, "cancelled");
});

Deno.test({
  name: "runCommand() explains a program that Deno's permissions do not list",
  permissions: { run: ["/bin/true"], read: true },
  fn: async () => {
    assertEquals((await runCommand(options, false)).code, 0);
    const error = await rpcErrorOf(() => runCommand({ ...options, program: "/usr/bin/id" }, false));
    assertEquals([error.code, error.data.reason], [
      -32001,
      "the agent is confined: it was started without the right to run /usr/bin/id; " +
      "restart it to apply a changed security.command_whitelist",
    ]);
  },
});
