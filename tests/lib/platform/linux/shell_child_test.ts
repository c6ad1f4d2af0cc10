import { assertEquals } from "@std/assert";
import { scriptArgs } from "../../../../lib/platform/linux/programs.ts";
import { spawnShell } from "../../../../lib/platform/linux/shell_child.ts";

/** Runs a script in such a shell and returns what it printed. */
async function printed(...args: string[]): Promise<string> {
  const child = spawnShell(args);
  await child.stdin.close();
  const text = await new Response(child.stdout).text();
  await child.status;
  return text;
}

Deno.test("a fixed script runs in its own process group, in / and in a clean environment", async () => {
  const script = 'read -r _ _ _ _ group _ <"/proc/$$/stat"; echo "$((group == $$)) $PWD"; env';
  const [first, ...environment] = (await printed(...scriptArgs(script))).trimEnd().split("\n");
  assertEquals(first, "1 /");
  const names = environment.map((line) => line.split("=")[0]);
  assertEquals(names.filter((name) => name !== "PWD" && name !== "_").sort(), ["LC_ALL", "PATH"]);
});

Deno.test("a fixed script does not keep the descriptor that moves processes", async () => {
  const outer = 'exec 9>/dev/null; [ -e /proc/$$/fd/9 ] && echo open; exec /bin/sh "$@"';
  const inner = scriptArgs("[ -e /proc/$$/fd/9 ] || echo closed");
  assertEquals(await printed("-c", outer, "sh", ...inner), "open\nclosed\n");
});
