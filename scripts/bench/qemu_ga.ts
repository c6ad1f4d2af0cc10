/**
 * qemu-ga, the guest agent of QEMU, as the distribution packages it.
 *
 * @module
 */

import { type Caller, member, numberIn, type RequestText, stringIn } from "./caller.ts";
import { concatenate, type Peer, PIECE_BYTES, type Running, type Speech } from "./peer.ts";
import type { Scratch } from "./scratch.ts";
import { parseLine } from "./wire.ts";

/** Pause between two polls of commands that run together. A single command is polled without one. */
const POLL_MS = 2;

/** Debian installs it in a directory that is not on a user's PATH. */
const PROGRAMS = ["qemu-ga", "/usr/sbin/qemu-ga"] as const;

/** The installed program. */
export interface QemuGa {
  readonly program: string;
  /** What `--version` prints. */
  readonly version: string;
}

/** Looks for the program. */
export async function findQemuGa(): Promise<QemuGa | undefined> {
  for (const program of PROGRAMS) {
    try {
      const { stdout } = await new Deno.Command(program, { args: ["--version"] }).output();
      return { program, version: new TextDecoder().decode(stdout).trim() };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** A request of qemu-ga's language as a line. */
export const request = (command: string, parameters?: unknown): RequestText => {
  const rest = parameters === undefined ? "" : `,"arguments":${JSON.stringify(parameters)}`;
  return (id) => `{"execute":"${command}","id":${id}${rest}}\n`;
};

/** qemu-ga on a unix socket. */
export function qemuGaPeer({ program }: QemuGa, scratch: Scratch): Peer {
  return {
    name: "qemu-ga",
    boundsLines: false,
    command: async (socket) => {
      const state = scratch.newPath();
      await Deno.mkdir(state);
      return [program, ["-m", "unix-listen", "-p", socket, "-t", state, "-f", `${state}/pid`]];
    },
    speak: (caller) => new QemuGaSpeech(caller),
  };
}

/** qemu-ga's requests. */
export class QemuGaSpeech implements Speech {
  readonly ping = request("guest-ping");
  readonly systemInfo = request("guest-get-osinfo");
  readonly networkInfo = request("guest-network-get-interfaces");
  readonly diskUsage = request("guest-get-fsinfo");

  constructor(readonly caller: Caller) {}

  async exec(program: string): Promise<void> {
    const parameters = { path: program, "capture-output": true };
    const { return: started } = await this.caller.call(request("guest-exec", parameters));
    await this.#exited(numberIn(started, "pid"), 0);
  }

  async execMany(program: string, args: readonly string[], count: number): Promise<Running> {
    const ids: number[] = [];
    const parameters = { path: program, arg: args, "capture-output": true };
    for (let started = 0; started < count; started++) {
      ids.push(await this.caller.begin(request("guest-exec", parameters)));
    }
    return {
      ended: async () => {
        const pids: number[] = [];
        for (const id of ids) pids.push(numberIn((await this.caller.end(id)).return, "pid"));
        const sizes: number[] = [];
        for (const pid of pids) sizes.push(await this.#exited(pid, POLL_MS));
        return sizes;
      },
    };
  }

  async readFile(
    path: string,
    sizeBytes: number,
    pieceBytes = PIECE_BYTES,
  ): Promise<() => Uint8Array> {
    const lines: Uint8Array[] = [];
    const handle = await this.#open(path, "r");
    for (let left = sizeBytes; left > 0;) {
      const parameters = { handle, count: Math.min(left, pieceBytes) };
      const line = await this.caller.callUnread(request("guest-file-read", parameters));
      left -= countIn(line);
      lines.push(line);
    }
    await this.caller.call(request("guest-file-close", { handle }));
    return () =>
      concatenate(
        lines.map((line) =>
          Uint8Array.fromBase64(stringIn(member(parseLine(line), "return"), "buf-b64"))
        ),
      );
  }

  async writeWhole(path: string, content: string): Promise<void> {
    await this.writeFile(path, [content]);
  }

  async writeFile(path: string, pieces: readonly string[]): Promise<void> {
    const handle = await this.#open(path, "w");
    for (const content of pieces) {
      await this.caller.call(request("guest-file-write", { handle, "buf-b64": content }));
    }
    await this.caller.call(request("guest-file-close", { handle }));
  }

  async #open(path: string, mode: "r" | "w"): Promise<number> {
    return numberIn(await this.caller.call(request("guest-file-open", { path, mode })), "return");
  }

  /** Polls until the process has exited; returns how many bytes it printed. */
  async #exited(pid: number, pauseMs: number): Promise<number> {
    const status = request("guest-exec-status", { pid });
    for (;;) {
      const { return: result } = await this.caller.call(status);
      if (member(result, "exited") === true) {
        const code = numberIn(result, "exitcode");
        if (code !== 0) throw new Error(`the command ended with exit code ${code}`);
        const output = member(result, "out-data");
        return typeof output === "string" ? Uint8Array.fromBase64(output).byteLength : 0;
      }
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

const ENDS_BYTES = 100;
const decoder = new TextDecoder();

/** The bytes in an answer that is not parsed: there may be fewer than were asked for. */
function countIn(line: Uint8Array): number {
  const ends = decoder.decode(line.subarray(0, ENDS_BYTES)) +
    decoder.decode(line.subarray(-ENDS_BYTES));
  const count = Number(/"count": ?(\d+)/.exec(ends)?.[1]);
  if (!(count > 0)) throw new Error(`no piece of a file: ${ends}`);
  return count;
}
