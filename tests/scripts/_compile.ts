/**
 * What `deno compile` is given in the tests: a bundle, and a machine without its runtime.
 *
 * @module
 */

import { assert } from "@std/assert";
import * as z from "zod";
import { ROOT, temporaryDirectory } from "./_run.ts";

/** A port that nobody serves: whoever goes by this proxy is refused at once. */
export const NO_NETWORK = { HTTPS_PROXY: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9" };

/** A bundle in dist/ that `deno task bundle` makes; any will do here. */
export async function provideBundle(name: string, entry: string): Promise<void> {
  const bundle = new URL(`dist/${name}`, ROOT);
  try {
    await Deno.stat(bundle);
  } catch {
    await using directory = await temporaryDirectory();
    const fresh = `${directory.path}/${name}`;
    const args = ["bundle", "--quiet", "--minify", "--output", fresh, entry];
    const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
    assert(success);
    // In one step, for others who are reading it.
    await Deno.mkdir(new URL("dist", ROOT), { recursive: true });
    const beside = new URL(`dist/.${crypto.randomUUID()}-${name}`, ROOT);
    await Deno.copyFile(fresh, beside);
    await Deno.rename(beside, bundle);
  }
}

/** A DENO_DIR with the packages of this machine and no runtime to compile with. */
export async function denoDirWithoutRuntime(path: string) {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const info = z.parse(
    z.looseObject({ npmCache: z.string() }),
    JSON.parse(new TextDecoder().decode(stdout)),
  );
  await Deno.symlink(info.npmCache, `${path}/npm`);
  return { DENO_DIR: path, DENORT_BIN: undefined };
}
