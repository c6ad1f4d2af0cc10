/**
 * The zip for Windows: the program with a script that installs it.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { VERSION } from "../../../lib/base/version.ts";
import { runTool } from "../../vm/tools.ts";
import { normalize } from "../product.ts";
import { windowsText } from "./program.ts";

const ROOT = fromFileUrl(new URL("../../..", import.meta.url));
const SCRIPTS = ["install.cmd", "uninstall.cmd"] as const;

/** How a package for Windows is built. */
export interface WindowsBuild {
  /** A directory with the program. */
  readonly program: string;
  /** The modification time of every file, in seconds since 1970. */
  readonly time: number;
  readonly output: string;
  /** Whether it is compressed little. */
  readonly quick: boolean;
}

/**
 * Packs a staged program with its scripts.
 *
 * @throws {ToolFailedError}
 */
export async function packZip({ program, time, output, quick }: WindowsBuild): Promise<void> {
  const folder = `kvmmanager-agent-${VERSION}`;
  const work = `${program}-zip`;
  await Deno.mkdir(work);
  await Deno.rename(program, `${work}/${folder}`);
  for (const name of SCRIPTS) {
    const text = await Deno.readTextFile(`${ROOT}install/windows/${name}`);
    await Deno.writeTextFile(`${work}/${folder}/${name}`, windowsText(text));
  }
  const names = (await Array.fromAsync(Deno.readDir(`${work}/${folder}`)))
    .map(({ name }) => `${folder}/${name}`).sort();
  for (const name of names) await Deno.chmod(`${work}/${name}`, 0o644);
  await normalize(work, time);
  await Deno.remove(output).catch(() => {});
  // Without times of access and users; a zip has times of day without a zone.
  const options = ["-q", "-X", "-D", quick ? "-1" : "-9"];
  await runTool("zip", [...options, output, ...names], { cwd: work, env: { TZ: "UTC" } });
}
