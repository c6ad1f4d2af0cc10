/**
 * A copy of a running guest's disk, as a backup program makes it, and what is in it.
 *
 * @module
 */

import { requireTools, runTool } from "../../scripts/vm/tools.ts";
import type { Guest } from "../../scripts/vm/guest.ts";

/** The copy of a disk with one ext4 file system. */
export class DiskCopy implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** Copies the disk of a guest, which goes on running. */
  static async of({ machine }: Guest): Promise<DiskCopy> {
    await requireTools(["qemu-img", "e2fsck", "dumpe2fs", "debugfs"]);
    const path = `${machine.directory}/copy-${crypto.randomUUID()}.raw`;
    // QEMU holds the disk's lock.
    await runTool("qemu-img", ["convert", "--force-share", "-O", "raw", machine.disk, path]);
    return new DiskCopy(path);
  }

  /** Whether a mount would have to replay the journal first. */
  async needsRecovery(): Promise<boolean> {
    return /^Filesystem features:.*\bneeds_recovery\b/m.test(
      await runTool("dumpe2fs", ["-h", this.path]),
    );
  }

  /**
   * Checks the whole file system. Files that were deleted and still open are released first, as by
   * every mount.
   *
   * @throws {ToolFailedError} with what is wrong.
   */
  async check(): Promise<void> {
    await runTool("e2fsck", ["-p", this.path]);
    await runTool("e2fsck", ["-f", "-n", this.path]);
  }

  /** The text of a file in it. */
  async read(file: string): Promise<string> {
    return await runTool("debugfs", ["-R", `cat ${file}`, this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path);
  }
}
