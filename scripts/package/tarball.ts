/**
 * The tarball: a product's tree with an installer, for every Linux of a processor.
 *
 * @module
 */

import { basename, fromFileUrl } from "@std/path/posix";
import { VERSION } from "../../lib/base/version.ts";
import { runTool } from "../vm/tools.ts";
import type { BuildOptions } from "./deb.ts";
import { ARCHITECTURES } from "./program.ts";
import { normalize, place } from "./product.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** Files of the tarball beside the tree. */
const INSTALLER = [
  { source: "install/tarball/install.sh", target: "/install.sh", mode: 0o755 },
  { source: "install/tarball/uninstall.sh", target: "/uninstall.sh", mode: 0o755 },
  { source: "install/openrc/kvmmanager-agent", target: "/init/openrc", mode: 0o755 },
  { source: "install/runit/run", target: "/init/runit", mode: 0o755 },
] as const;

/**
 * Packs a staged tree with the installer and the sums of all files.
 *
 * @throws {ToolFailedError}
 */
export async function packTarball(tree: string, options: BuildOptions): Promise<void> {
  const { product, architecture, time, output, quick } = options;
  const copyright = await Promise.all(
    [`${product.debianFolder}/copyright`, "install/tarball/copyright"].map((file) =>
      Deno.readTextFile(`${ROOT}${file}`)
    ),
  );
  await place(tree, {
    source: { text: copyright.join("") },
    target: `/usr/share/doc/${product.name}/copyright`,
  });
  const folder = `${product.name}-${VERSION}`;
  const work = `${tree}-tarball`;
  const top = `${work}/${folder}`;
  await Deno.mkdir(top, { recursive: true });
  await Deno.rename(tree, `${top}/tree`);
  for (const file of INSTALLER) await place(top, file);
  const machine = ARCHITECTURES[architecture].target.split("-")[0];
  for (const [name, text] of Object.entries({ version: VERSION, machine })) {
    await place(top, { source: { text: `${text}\n` }, target: `/${name}` });
  }
  await place(top, { source: { text: await sums(top) }, target: "/SHA256SUMS" });
  await normalize(work, time);
  await runTool("tar", [
    ...["--sort=name", `--mtime=@${time}`, "--owner=0", "--group=0", "--numeric-owner"],
    // Neither times of access nor the builder's umask are part of it.
    ...["--format=ustar", "-C", work, "-I", quick ? "gzip -n -1" : "xz -T1 -6"],
    ...["-cf", output, basename(top)],
  ]);
}

/** Sums as sha256sum(1) checks them. */
async function sums(directory: string): Promise<string> {
  const found = await runTool("find", [".", "-type", "f", "-exec", "sha256sum", "{}", "+"], {
    cwd: directory,
  });
  return found.trim().split("\n").sort().map((line) => `${line}\n`).join("");
}
