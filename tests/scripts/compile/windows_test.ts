import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../../lib/config/load.ts";
import { binaryArguments } from "../../../scripts/compile.ts";
import { WINDOWS } from "../../../scripts/compile/windows.ts";
import { TempDirectory } from "../../lib/_helpers.ts";

/** The list of one permission. */
function listOf(flags: readonly string[], name: string): string[] {
  const start = `--allow-${name}=`;
  return flags.find((flag) => flag.startsWith(start))?.slice(start.length).split(",") ?? [];
}

/** What a configuration is compiled to. */
async function compiled(config: unknown) {
  await using directory = await TempDirectory.make();
  const file = await directory.file("config.json", JSON.stringify(config));
  return binaryArguments(await WINDOWS.configOf(file), WINDOWS);
}

Deno.test("a binary for Windows has the lists of Windows: its drives, no network, functions of the system", async () => {
  const { flags, baked } = binaryArguments(await WINDOWS.configOf(undefined), WINDOWS);
  const read = listOf(flags, "read");
  for (const path of ["A:\\", "C:\\", "Z:\\", "C:\\Windows\\Logs"]) {
    assert(read.includes(path), path);
  }
  assertEquals(read.filter((path) => path.startsWith("/")), []);
  assert(listOf(flags, "write").includes("C:\\ProgramData\\KVMManager\\agent.log"));
  assertEquals(flags.filter((flag) => flag.startsWith("--allow-net")), []);
  assert(flags.includes("--allow-ffi"));
  const granted = JSON.parse((baked[0] ?? "").replace(/^--granted=/, ""));
  assertEquals(granted.read.includes("C:\\"), false);
  assertEquals(granted.read.includes("C:\\ProgramData\\KVMManager\\agent-config.json"), true);
});

Deno.test("a binary for Windows runs what its whitelist names, and shutdown.exe", async () => {
  const { flags } = await compiled({ security: { command_whitelist: ["whoami", "D:\\t\\a.exe"] } });
  assertEquals(listOf(flags, "run").sort(), [
    "C:\\Windows\\System32\\shutdown.exe",
    "C:\\Windows\\System32\\whoami.com",
    "C:\\Windows\\System32\\whoami.exe",
    "C:\\Windows\\whoami.com",
    "C:\\Windows\\whoami.exe",
    "D:\\t\\a.exe",
  ]);
});

Deno.test("a configuration for Linux is refused for Windows", async () => {
  const config = { security: { allowed_read_paths: ["/var/log"] } };
  const { problems } = await assertRejects(() => compiled(config), ConfigError);
  assertEquals(problems.length, 1);
});
