import { assertEquals } from "@std/assert";
import { flagsFor, shellWords } from "../../commands/permissions.ts";
import { LINUX } from "../../lib/platform/linux/mod.ts";

/** The words as a POSIX shell reads them back, NUL-separated. */
async function readByShell(words: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("/bin/sh", {
    args: ["-c", `eval 'set -- '"$1"; printf '%s\\0' "$@"`, "sh", words],
  }).output();
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

const HOSTILE = [
  "--allow-read=/tmp/a b",
  "--allow-read=/tmp/x\n--allow-all",
  "--allow-read=/tmp/it's",
  "--allow-read=/tmp/'; touch /tmp/pwned; '",
  "--allow-read=/tmp/$(id)`id`${HOME}",
  "--allow-read=/tmp/*",
  '--allow-read=/tmp/"\\',
  "",
];

Deno.test("a shell reads each word back as it was, whatever it contains", async () => {
  assertEquals(await readByShell(shellWords(HOSTILE)), HOSTILE);
});

async function configured(config: unknown): Promise<string[]> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(config));
    return await flagsFor(["serve", "--channel", "stdio", "--config", file], LINUX);
  } finally {
    await Deno.remove(file);
  }
}

const readable = (flags: readonly string[]) =>
  flags.filter((flag) => flag.startsWith("--allow-read="));

Deno.test("flagsFor() grants a path that the configuration adds", async () => {
  const flags = await configured({ security: { allowed_read_paths: ["/srv/data"] } });
  assertEquals(readable(flags).map((flag) => flag.includes(",/srv/data,")), [true]);
});

for (const path of ["/tmp/x\n--allow-all", "/tmp/a,b", "/--allow-all", "/tmp/ --allow-all"]) {
  Deno.test(`flagsFor() keeps ${JSON.stringify(path)} inside one list`, async () => {
    const plain = await configured({});
    const flags = await configured({ security: { allowed_read_paths: [path] } });
    const names = (list: readonly string[]) => list.map((flag) => flag.split("=")[0]);
    assertEquals(names(flags), names(plain));
    assertEquals(readable(flags).map((flag) => flag.includes(path.replaceAll(",", ",,"))), [true]);
  });
}

Deno.test("flagsFor() keeps a command with a leading dash inside the list of programs", async () => {
  const flags = await configured({ security: { command_whitelist: ["--allow-all", "-A"] } });
  assertEquals(flags.filter((flag) => /^(--allow-all|-A)/.test(flag)), []);
  assertEquals(flags.some((flag) => flag.startsWith("--allow-run=/bin/--allow-all,")), true);
});

Deno.test("flagsFor() grants the default permissions for an invalid configuration", async () => {
  const file = "/nonexistent/config.json";
  const flags = await flagsFor(["serve", "--channel", "stdio", "--config", file], LINUX);
  assertEquals(flags.includes("--allow-all"), false);
  assertEquals(readable(flags).length, 1);
});

Deno.test("flagsFor() grants nothing to an invalid command line", async () => {
  assertEquals(await flagsFor(["--surprise"], LINUX), ["--no-prompt"]);
});
