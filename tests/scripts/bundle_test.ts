import { assertEquals } from "@std/assert";
import { ROOT } from "../_deno.ts";

const USING_REGEXP = /\busing \w+ ?=/g;

const count = (text: string) => text.match(USING_REGEXP)?.length ?? 0;

async function bundle(minified: boolean): Promise<string> {
  const args = ["bundle", "--quiet", ...(minified ? ["--minify"] : []), "main.ts"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

// The minifier puts a `using` variable that is read once in the place where it is read, and what
// it held is never disposed of. So the code binds what it disposes of to a name of its own.
Deno.test("the minified agent disposes of all that the source disposes of", async () => {
  const [plain, minified] = [await bundle(false), await bundle(true)];
  assertEquals(count(minified), count(plain));
  assertEquals(count(plain) > 0, true);
});
