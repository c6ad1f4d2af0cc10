/**
 * Reading the kernel's mount table.
 *
 * Deno opens files in /proc only for processes with all permissions. The shell's `read` takes one
 * system call per byte, and `cat` one process per query; sed's `r` reads the file in blocks each
 * time it processes a matching line.
 *
 * @module
 */

import { ResidentScript } from "./resident_script.ts";

const TIMEOUT_MS = 5000;
const QUESTION = "mounts\nend\n";

/** BusyBox's sed lacks `-u`, so `cat` reads the file there. */
const READ_MOUNTS = `
if sed -un q </dev/null; then
  exec sed -un -e '/^mounts$/r /proc/self/mountinfo' -e '/^end$/p'
fi
while read -r line; do
  case $line in
    mounts) cat /proc/self/mountinfo ;;
    end) echo end ;;
  esac
done
`;

/** The mount table, read from the kernel each time. */
export class MountTable implements AsyncDisposable {
  readonly #script: ResidentScript;

  /** @param programPath Where the script finds its programs, as in PATH; tests replace some. */
  constructor({ programPath }: { programPath?: string } = {}) {
    const setPath = programPath === undefined ? "" : `PATH=${programPath}\n`;
    this.#script = new ResidentScript(setPath + READ_MOUNTS);
  }

  /**
   * The text of /proc/self/mountinfo (proc(5)).
   *
   * @throws As {@link ResidentScript.ask}.
   */
  async read(signal: AbortSignal): Promise<string> {
    return await this.#script.ask(QUESTION, { timeoutMs: TIMEOUT_MS, signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#script[Symbol.asyncDispose]();
  }
}
