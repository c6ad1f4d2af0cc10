/**
 * An SELinux module for an rpm, compiled by checkmodule(8).
 *
 * @module
 */

import { basename, fromFileUrl } from "@std/path/posix";
import { runTool } from "../vm/tools.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
/** Where distributions look for modules. */
export const MODULES = "/usr/share/selinux/packages";
/** The newest format that RHEL 8 reads (MOD_POLICYDB_VERSION_INFINIBAND of its libsepol, 2.9). */
const FORMAT = "19";

/**
 * Compiles a module into a tree, to {@link MODULES}.
 *
 * @param source A path in the repository: the rules are in `SOURCE.te`, the labels of files in
 * `SOURCE.fc`. Its last part is the module's name.
 * @throws {ToolFailedError} when it is no module.
 */
export async function compileModule(source: string, tree: string): Promise<void> {
  const name = basename(source);
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-selinux-" });
  try {
    const rules = `${directory}/${name}.mod`;
    await runTool("checkmodule", ["-M", "-m", "-c", FORMAT, "-o", rules, `${ROOT}${source}.te`]);
    const output = `${tree}${MODULES}/${name}.pp`;
    await Deno.mkdir(`${tree}${MODULES}`, { recursive: true });
    await runTool("semodule_package", [
      ...["--outfile", output, "--module", rules, "--fc", `${ROOT}${source}.fc`],
    ]);
    await Deno.chmod(output, 0o644);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
