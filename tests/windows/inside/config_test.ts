import { assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../../lib/config/load.ts";
import { windowsConfig } from "../../../lib/platform/windows/config/mod.ts";

const KEY = "HKLM\\Software\\KVMManager\\Agent";

async function reg(...args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command("reg", {
    args: [...args, "/f"],
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success && args[0] !== "delete") throw new Error(`reg ${args.join(" ")} failed`);
}

const add = (name: string, type: string, data: string) =>
  reg("add", KEY, "/v", name, "/t", type, "/d", data);

/** Runs with no configuration but what the test makes. */
async function withoutConfig(test: () => Promise<void>): Promise<void> {
  const clean = async () => {
    await reg("delete", KEY);
    await Deno.remove(windowsConfig().defaultPath).catch(() => {});
  };
  await clean();
  try {
    await test();
  } finally {
    await clean();
  }
}

Deno.test("an agent without a key and a file has the defaults of this Windows", async () => {
  await withoutConfig(async () => {
    const { config, source } = await windowsConfig().load();
    assertEquals(source, "defaults");
    assertEquals(config.state_directory, `${Deno.env.get("ProgramData")}\\KVMManager\\state`);
  });
});

Deno.test("the registry wins over the default file, and a file that is named over both", async () => {
  await withoutConfig(async () => {
    const { defaultPath, load } = windowsConfig();
    await Deno.mkdir(defaultPath.replace(/\\[^\\]*$/, ""), { recursive: true });
    await Deno.writeTextFile(defaultPath, JSON.stringify({ log_level: "debug" }));
    let { config, source } = await load();
    assertEquals([config.log_level, source], ["debug", defaultPath]);

    await add("max_message_size_kb", "REG_DWORD", "128");
    await add("security.allowed_read_paths", "REG_MULTI_SZ", "C:\\Übergröße\\0D:\\x");
    ({ config, source } = await load());
    assertEquals([config.log_level, config.max_message_size_kb, source], ["info", 128, KEY]);
    assertEquals(config.security.allowed_read_paths, ["C:\\Übergröße", "D:\\x"]);

    ({ config, source } = await load(defaultPath));
    assertEquals([config.log_level, source], ["debug", defaultPath]);
  });
});

Deno.test("an error names the key, the values and what they hold", async () => {
  await withoutConfig(async () => {
    await add("max_message_size_kb", "REG_SZ", "64");
    await add("log_levle", "REG_SZ", "info");
    const error = await assertRejects(() => windowsConfig().load(), ConfigError);
    assertEquals(error.path, KEY);
    assertEquals(error.problems.toSorted(), [
      '"log_levle" is unknown (did you mean "log_level"?)',
      'max_message_size_kb must be a REG_DWORD, received REG_SZ "64"',
    ]);
  });
});

Deno.test("a value of 1 MB is refused by its size", async () => {
  await withoutConfig(async () => {
    const half = 524_288;
    // Longer than a command line: from a file.
    const file = await Deno.makeTempFile({ suffix: ".reg" });
    const text = `Windows Registry Editor Version 5.00\r\n\r\n` +
      `[HKEY_LOCAL_MACHINE\\Software\\KVMManager\\Agent]\r\n"log_file"="${"x".repeat(half)}"\r\n`;
    await Deno.writeTextFile(file, text);
    const { success } = await new Deno.Command("reg", { args: ["import", file] }).output();
    await Deno.remove(file);
    assertEquals(success, true);
    const error = await assertRejects(() => windowsConfig().load(), ConfigError);
    assertEquals(error.problems, [
      `log_file must be at most 65536 bytes, received ${half * 2 + 2}`,
    ]);
  });
});
