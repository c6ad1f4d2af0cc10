/**
 * Gives a command a pseudo-terminal, by script(1) of util-linux: the agent itself cannot make one,
 * since Deno has no such call and the confined agent loads no foreign functions.
 *
 * script(1) copies between the terminal and its own standard input and output, which are pipes to the
 * agent. The command reports its process id and its terminal's name on script's standard error, and
 * is then replaced by the program.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import type { RunOptions, TerminalSize } from "../../../guest/commands.ts";
import { PROGRAM_PATH, scriptArgs, SHELL } from "../programs.ts";
import { runChild } from "./run_child.ts";

const SCRIPT = "/usr/bin/script";
const RESIZE_TIMEOUT_MS = 5000;

/** Why there are no terminals in this guest, or `undefined`. */
export function terminalProblem(): string | undefined {
  const advice = "this guest has no terminals: install script of util-linux " +
    "(Debian: bsdutils; Fedora, Alpine: util-linux-script, util-linux-misc)";
  try {
    // BusyBox has a script too, which does not pass on the exit status.
    return Deno.realPathSync(SCRIPT).endsWith("/busybox") ? advice : undefined;
  } catch {
    return advice;
  }
}

type Program = Pick<RunOptions, "program" | "args" | "env">;

/** What runs a program in a terminal. */
export function inTerminal({ program, args, env }: Program, { rows, cols }: TerminalSize): Program {
  // script starts $SHELL, which the program may be asked to have as something else.
  const restore = Object.hasOwn(env, "SHELL")
    ? `SHELL=${quoted(env["SHELL"] ?? "")}; export SHELL`
    : "unset SHELL";
  const inner = [
    `echo "$$ $(PATH=${PROGRAM_PATH} tty)" >&3`,
    "exec 3>&-",
    // Without a terminal on its own side, script switches echoing off.
    `PATH=${PROGRAM_PATH} stty rows ${rows} cols ${cols} echo iutf8`,
    restore,
    `exec ${[program, ...args].map(quoted).join(" ")}`,
  ].join("; ");
  const outer = `exec 3>&2; SHELL=${SHELL}; export SHELL; exec ${SCRIPT} -qec "$1" /dev/null`;
  return { program: SHELL, args: ["-c", outer, "sh", inner], env };
}

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** What the command said about itself before it was replaced by the program. */
export interface TerminalIdentity {
  /** The process id of the program, which leads a session. */
  readonly pid: number;
  /** Such as `/dev/pts/3`. */
  readonly name: string;
}

const MAX_IDENTITY_BYTES = 100;

/** Takes the identity from the beginning of script's standard error. */
export class IdentityReader {
  /** Resolves to `undefined` if there is none. */
  readonly identity: Promise<TerminalIdentity | undefined>;
  readonly #resolve: (identity: TerminalIdentity | undefined) => void;
  #text: string | undefined = "";

  constructor() {
    const { promise, resolve } = Promise.withResolvers<TerminalIdentity | undefined>();
    this.identity = promise;
    this.#resolve = resolve;
  }

  /** Returns the bytes that are not part of the identity. */
  take(chunk: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (this.#text === undefined) return chunk;
    this.#text += new TextDecoder("latin1").decode(chunk);
    const line = /^(\d+) (\/dev\/pts\/\d+)\n/.exec(this.#text);
    const isUndecided = !this.#text.includes("\n") && this.#text.length < MAX_IDENTITY_BYTES;
    if (line === null && isUndecided) return chunk.subarray(chunk.byteLength);
    const rest = line === null ? this.#text : this.#text.slice(line[0].length);
    this.#text = undefined;
    this.#resolve(line === null ? undefined : { pid: Number(line[1]), name: line[2] ?? "" });
    return Uint8Array.from(rest, (character) => character.charCodeAt(0));
  }

  /** Nothing more will be read. */
  end(): void {
    this.#resolve(undefined);
  }
}

/**
 * Changes the size of a terminal; the kernel sends SIGWINCH to its foreground processes.
 *
 * @throws {RpcError} -32000 if it is gone.
 */
export async function resizeTerminal(name: string, { rows, cols }: TerminalSize): Promise<void> {
  const { code, stderr } = await runChild({
    program: SHELL,
    args: scriptArgs('exec stty -F "$1" rows "$2" cols "$3"', name, String(rows), String(cols)),
    workingDirectory: "/",
    env: { PATH: PROGRAM_PATH, LC_ALL: "C" },
    maxOutputBytes: 1000,
    timeoutMs: RESIZE_TIMEOUT_MS,
    signal: new AbortController().signal,
  });
  if (code === 0) return;
  const reason = new TextDecoder().decode(stderr.bytes).trim();
  throw commandFailed(`the terminal could not be resized: ${reason}`);
}
