/**
 * Reading a table of the kernel, such as the mount table.
 *
 * Deno opens files in /proc only for processes with all permissions. The shell's `read` takes one
 * system call per byte, and `cat` one process per query; sed's `r` reads the file in blocks each
 * time it processes a matching line.
 *
 * @module
 */

import { ResidentScript } from "./resident_script.ts";

const TIMEOUT_MS = 5000;
const QUESTION = "file\nend\n";

/** BusyBox's sed lacks `-u`, so `cat` reads the file there. */
const readScript = (path: KernelPath) => `
if sed -un q </dev/null; then
  exec sed -un -e '/^file$/r ${path}' -e '/^end$/p'
fi
while read -r line; do
  case $line in
    file) cat ${path} ;;
    end) echo end ;;
  esac
done
`;

/** The files that are read this way: proc(5). */
export type KernelPath = "/proc/self/mountinfo" | "/proc/net/dev";

/** A file of the kernel, read each time by a script that keeps running. */
export class KernelFile implements AsyncDisposable {
  readonly #script: ResidentScript;

  /** @param programPath Where the script finds its programs, as in PATH; tests replace some. */
  constructor(path: KernelPath, { programPath }: { programPath?: string } = {}) {
    const setPath = programPath === undefined ? "" : `PATH=${programPath}\n`;
    this.#script = new ResidentScript(setPath + readScript(path));
  }

  /**
   * The file's text.
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
