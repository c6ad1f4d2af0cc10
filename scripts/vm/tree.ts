/**
 * The current sources in a running guest, without a new image: everything that the package would
 * install but the runtime and the guest's configuration.
 *
 * The files travel as a tar on the guest's second disk ({@link Machine.desk}), so this also works
 * when the agent in the guest does not.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { messageOf } from "../../lib/base/message_of.ts";
import { AGENT } from "../package/agent.ts";
import { stage } from "../package/product.ts";
import { installBundles } from "../package/program.ts";
import { agentReady } from "./agent_ready.ts";
import { deskOf, portSocketOf } from "./machine.ts";
import { rootReady, RootScriptError, runAsRoot } from "./root_shell.ts";
import { runTool } from "./tools.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const MEBIBYTE = 1024 * 1024;
/** The package's bundles; not those in `dist/`, which another task may be writing. */
const BUNDLES = { "agent.js": "main.ts", "broker.js": "main_broker.ts" } as const;
/** The size of the disk, several times that of the files. */
export const DESK_BYTES = 16 * MEBIBYTE;

/** It may be booting still. */
const BOOT_MS = 300_000;
const INSTALL_MS = 60_000;
const READY_MS = 60_000;
const UNIT = "kvmmanager-agent.service";

/** The new agent does not answer; the message ends with its log. */
export class NotReadyError extends Error {
  override readonly name = "NotReadyError";
}

/** The guest's process belongs to another program, which tells of its end. */
const hasEnded = () => false;

/**
 * Bundles the sources, replaces the agent's files in a guest, restarts the agent and waits until it
 * is ready. The guest's configuration stays as it is.
 *
 * @param directory The running machine's, whose second disk has {@link DESK_BYTES}.
 * @param lockAs What this program does, for others that want the agent's port meanwhile.
 * @throws {ToolFailedError} when the sources cannot be bundled or run; the guest is as before.
 * @throws {RootScriptError} when the guest does not take the files.
 * @throws {NotReadyError} when the new agent does not become ready.
 */
export async function installTree(directory: string, lockAs: string): Promise<void> {
  const blocks = await fill(deskOf(directory));
  const socket = portSocketOf(directory, "root");
  await rootReady(socket, BOOT_MS, hasEnded);
  const root = async (script: string) => {
    const { status, stdout, stderr } = await runAsRoot(socket, script, INSTALL_MS);
    if (status === 0) return stdout;
    throw new RootScriptError(`the guest did not take the files: ${stderr.trim()}`);
  };
  // Not through the guest's page cache, which may know an earlier content.
  await root(`set -e
dd if=/dev/vdb bs=${MEBIBYTE} count=${blocks} iflag=direct status=none |
  tar -C / --keep-directory-symlink --no-overwrite-dir -xf -
systemctl daemon-reload
systemctl reset-failed ${UNIT}
systemctl restart ${UNIT}`);
  try {
    await agentReady(portSocketOf(directory, "agent"), READY_MS, hasEnded, lockAs);
  } catch (error) {
    const log = await root(`journalctl --unit=${UNIT} --lines=10 --output=cat`);
    throw new NotReadyError(`${messageOf(error)}; its log ends with:\n${log.trim()}`);
  }
}

/** Writes the tar to the disk's file, in place; returns how many MiB of it the guest must read. */
async function fill(desk: string): Promise<number> {
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-tree-" });
  try {
    const tree = `${directory}/tree`;
    await stage(tree, AGENT);
    for (const [bundle, main] of Object.entries(BUNDLES)) {
      const output = ["--output", `${directory}/${bundle}`, main];
      await runTool(Deno.execPath(), ["bundle", "--quiet", "--minify", ...output], { cwd: ROOT });
    }
    // Here, an agent that does not start costs a second.
    await runTool(Deno.execPath(), [
      ...["run", "--no-prompt", "--no-config", `${directory}/agent.js`, "--version"],
    ]);
    await installBundles(tree, directory);
    await Deno.remove(`${tree}/etc/kvmmanager-agent`, { recursive: true });
    await runTool("find", [tree, "-type", "d", "-exec", "chmod", "755", "{}", "+"]);
    const tar = `${directory}/tree.tar`;
    await runTool("tar", [
      "-C",
      tree,
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "-cf",
      tar,
      ".",
    ]);
    const bytes = await Deno.readFile(tar);
    if (bytes.byteLength > DESK_BYTES) {
      throw new RangeError(
        `the files take ${bytes.byteLength} bytes, the guest's disk ${DESK_BYTES}`,
      );
    }
    const file = await Deno.open(desk, { write: true });
    using _file = file;
    for (let rest = bytes; rest.byteLength > 0;) rest = rest.subarray(await file.write(rest));
    return Math.ceil(bytes.byteLength / MEBIBYTE);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
