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

// It is loaded for each operation that needs root.
Deno.test("the broker's bundle has none of the agent's methods and is a third of the agent's", async () => {
  const [agent, broker] = [await bundle("main.ts", true), await bundle("main_broker.ts", true)];
  assertEquals(broker.length < agent.length / 3, true, `${broker.length} of ${agent.length}`);
  assertEquals([agent, broker].map((text) => text.includes("get_system_info")), [true, false]);
});
