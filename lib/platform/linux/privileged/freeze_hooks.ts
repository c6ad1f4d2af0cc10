/**
 * Programs of root's that are told before file systems are frozen and after they are thawed, such as
 * to flush a database.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { messageOf } from "../../../base/message_of.ts";
import { runChild } from "../processes/run_child.ts";
import { PROGRAM_PATH } from "../programs.ts";
import { distrust } from "./trusted_file.ts";

/** Where they are. */
export const HOOK_DIRECTORY = "/etc/kvmmanager-agent/freeze.d";
/** As for run-parts(8): backups of editors and package managers have other names. */
const NAME_REGEXP = /^[A-Za-z0-9_-]+$/;
const EXECUTABLE_BITS = 0o111;
const TIMEOUT_MS = 30_000;
const MAX_SHOWN = 200;

/** The hooks of one freeze. */
export class FreezeHooks {
  readonly #directory: string;
  readonly #timeoutMs: number;
  /** The hooks that were run with "freeze", last first. */
  #ran: string[] = [];

  constructor(directory: string = HOOK_DIRECTORY, timeoutMs: number = TIMEOUT_MS) {
    this.#directory = directory;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Runs each hook with the argument "freeze", in the order of their names.
   *
   * @throws {RpcError} -32000 for a hook that fails, takes too long or is not only root's.
   */
  async freeze(signal: AbortSignal): Promise<void> {
    for (const path of await this.#find()) {
      signal.throwIfAborted();
      const doubt = await distrust(path);
      if (doubt !== undefined) throw commandFailed(`a freeze hook is not trusted: ${doubt}`);
      this.#ran.unshift(path);
      const problem = await this.#run(path, "freeze", signal);
      if (problem !== undefined) throw commandFailed(`${problem}; nothing was frozen`);
    }
  }

  /**
   * Runs each hook that was run before with the argument "thaw", in the reverse order.
   *
   * @returns What went wrong: it stops none of the others.
   */
  async thaw(): Promise<string[]> {
    const problems: string[] = [];
    for (const path of this.#ran.splice(0)) {
      const problem = await this.#run(path, "thaw", new AbortController().signal)
        .catch((error) => `${path} thaw: ${messageOf(error)}`);
      if (problem !== undefined) problems.push(problem);
    }
    return problems;
  }

  async #find(): Promise<string[]> {
    const found: string[] = [];
    try {
      for await (const { name } of Deno.readDir(this.#directory)) {
        const path = `${this.#directory}/${name}`;
        if (!NAME_REGEXP.test(name)) continue;
        const { mode, isDirectory } = await Deno.stat(path);
        if (!isDirectory && ((mode ?? 0) & EXECUTABLE_BITS) !== 0) found.push(path);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return found.sort();
  }

  /** Returns what went wrong. */
  async #run(path: string, word: string, signal: AbortSignal): Promise<string | undefined> {
    const { code, endedBy, stderr } = await runChild({
      program: path,
      args: [word],
      workingDirectory: "/",
      env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
      maxOutputBytes: 4096,
      timeoutMs: this.#timeoutMs,
      signal,
    });
    if (endedBy === "timeout") {
      return `${path} ${word} did not finish within ${this.#timeoutMs / 1000} s and was killed`;
    }
    if (code === 0) return undefined;
    const said = new TextDecoder().decode(stderr.bytes).trim().slice(0, MAX_SHOWN);
    return `${path} ${word} failed with status ${code}${said === "" ? "" : `: ${said}`}`;
  }
}
