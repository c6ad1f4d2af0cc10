import { assertEquals } from "@std/assert";
import { ROOT } from "../_deno.ts";

const USING_REGEXP = /\busing \w+ ?=/g;

const count = (text: string) => text.match(USING_REGEXP)?.length ?? 0;

async function bundle(entry: string, minified: boolean): Promise<string> {
  const args = ["bundle", "--quiet", ...(minified ? ["--minify"] : []), entry];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

// The minifier puts a `using` variable that is read once in the place where it is read, and what
// it held is never disposed of. So the code binds what it disposes of to a name of its own.
for (const [program, entry] of [["agent", "main.ts"], ["broker", "main_broker.ts"]] as const) {
  Deno.test(`the minified ${program} disposes of all that the source disposes of`, async () => {
    const [plain, minified] = [await bundle(entry, false), await bundle(entry, true)];
    assertEquals(count(minified), count(plain));
    assertEquals(count(plain) > 0, true);
  });
}

// What one has of the other costs the agent memory for as long as it runs, and the broker time at
// each operation that needs root.
Deno.test("the agent's bundle cannot perform what needs root, and the broker's has no methods", async () => {
  const [agent, broker] = [await bundle("main.ts", true), await bundle("main_broker.ts", true)];
  const has = (text: string) => [agent, broker].map((bundled) => bundled.includes(text));
  assertEquals(has("summary:"), [true, false]);
  // A member of every operation as root performs it.
  assertEquals(has("programs:["), [false, true]);
  // For the documents of cloud-init.
  assertEquals(has("tag:yaml.org"), [false, true]);
});

// What takes more is to be decided, not to happen (docs/performance.md).
for (
  const [program, entry, limit] of [
    ["agent", "main.ts", 484_000],
    ["broker", "main_broker.ts", 140_000],
  ] as const
) {
  Deno.test(`the ${program}'s bundle has at most ${limit} bytes`, async () => {
    const { length } = await bundle(entry, true);
    assertEquals(length <= limit, true, `${length} bytes`);
  });
}

// A single import() makes the bundler wrap every module that both sides need.
Deno.test("no module of the agent is wrapped to be loaded later", async () => {
  for (const entry of ["main.ts", "main_windows.ts"]) {
    assertEquals((await bundle(entry, false)).includes("__esm"), false, entry);
  }
});
