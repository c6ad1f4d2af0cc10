/**
 * What the tests give `deno compile`: a bundle, and a cache without its runtime.
 *
 * @module
 */

import { assert } from "@std/assert";
import * as z from "zod";
import { ROOT } from "../_deno.ts";
import { TempDirectory } from "../lib/_helpers.ts";

/** A proxy on a port that nobody serves: every download is refused immediately. */
export const NO_NETWORK = { HTTPS_PROXY: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9" };

/** Provides a bundle that `deno task bundle` makes, if dist/ does not have one; its age does not matter here. */
export async function provideBundle(name: string, entry: string): Promise<void> {
  const bundle = `${ROOT}dist/${name}`;
  try {
    await Deno.stat(bundle);
  } catch {
    await using directory = await TempDirectory.make();
    const fresh = `${directory.path}/${name}`;
    const args = ["bundle", "--quiet", "--minify", "--output", fresh, entry];
    const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
    assert(success);
    // In one step, since other tests may be reading it.
    await Deno.mkdir(`${ROOT}dist`, { recursive: true });
    const beside = `${ROOT}dist/.${crypto.randomUUID()}-${name}`;
    await Deno.copyFile(fresh, beside);
    await Deno.rename(beside, bundle);
  }
}

/** A DENO_DIR with this machine's npm packages and no runtime to compile with. */
export async function denoDirWithoutRuntime(path: string) {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const info = z.parse(
    z.looseObject({ denoDir: z.string(), npmCache: z.string() }),
    JSON.parse(new TextDecoder().decode(stdout)),
  );
  await Deno.symlink(info.npmCache, `${path}/npm`);
  // What `deno bundle` needs; runtimes are beside it.
  await Deno.mkdir(`${path}/dl`);
  for await (const { name } of Deno.readDir(`${info.denoDir}/dl`)) {
    if (name.startsWith("esbuild-")) {
      await Deno.symlink(`${info.denoDir}/dl/${name}`, `${path}/dl/${name}`);
    }
  }
  return { DENO_DIR: path, DENORT_BIN: undefined };
}
