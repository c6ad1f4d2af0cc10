/**
 * Starts a command whose output is delivered as it arrives.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { countChild, countSpawnedValues } from "../../../base/memory/garbage.ts";
import type {
  CommandEnd,
  SendableSignal,
  StartedCommand,
  StartOptions,
} from "../../../guest/commands.ts";
import { watchForInterruption } from "../../processes/interruption.ts";
import { PipeReader } from "../../processes/pipe_reader.ts";
import type { ProcessTree } from "../../processes/process_tree.ts";
import { explainStartFailure } from "./start_failure.ts";
import { startTree } from "./start_tree.ts";

/** The signals that end a process on every system; Windows has no others. */
const ENDING: readonly SendableSignal[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"];

/**
 * Starts a command.
 *
 * @throws {RpcError} -32002, -32001 or -32000, with the reason, if it cannot be started.
 */
export function startCommand(options: StartOptions): StartedCommand {
  options.signal.throwIfAborted();
  if (options.terminal !== undefined) throw commandFailed(TERMINAL_PROBLEM);
  countChild();
  countSpawnedValues(Object.keys(options.env).length + options.args.length);
  try {
    return new CommandInJob(options);
  } catch (error) {
    throw explainStartFailure(error, options);
  }
}

/** Why no command can have a terminal. */
export const TERMINAL_PROBLEM = "commands of a Windows guest have no terminal";

class CommandInJob implements StartedCommand {
  readonly ended: Promise<CommandEnd>;
  readonly #tree: ProcessTree;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #readers: readonly PipeReader[];

  constructor(options: StartOptions) {
    const { onOutput } = options;
    this.#tree = startTree(options, { stdin: "piped", stdout: "piped", stderr: "piped" });
    const { child } = this.#tree;
    this.#input = child.stdin.getWriter();
    // Whoever writes next is told.
    this.#input.closed.catch(() => {});
    this.#readers = [
      new PipeReader(child.stdout, (chunk) => onOutput("stdout", chunk)),
      new PipeReader(child.stderr, (chunk) => onOutput("stderr", chunk)),
    ];
    this.ended = this.#end(options);
  }

  get pid(): number {
    return this.#tree.child.pid;
  }

  async #end({ timeoutMs, signal }: StartOptions): Promise<CommandEnd> {
    const interruption = watchForInterruption(timeoutMs, signal);
    let endedBy: CommandEnd["endedBy"] = "itself";
    let status: Deno.CommandStatus | undefined;
    try {
      const first = await Promise.race([this.#tree.child.status, interruption.happened]);
      if (typeof first === "string") {
        endedBy = first;
        status = await this.#tree.end(this.#readers.map(({ ended }) => ended));
      } else {
        status = first;
      }
    } finally {
      interruption.forget();
      this.#tree.release();
    }
    await this.#input.abort().catch(() => {});
    await Promise.all(this.#readers.map((reader) => reader.finish()));
    return { code: status?.code ?? -1, signal: null, endedBy, isStuck: status === undefined };
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#input.write(bytes);
  }

  async closeInput(): Promise<void> {
    await this.#input.close().catch(() => {});
  }

  async signal(signal: SendableSignal): Promise<void> {
    if (!ENDING.includes(signal)) {
      throw commandFailed(
        `Windows has no ${signal}; ${ENDING.join(", ")} end the command and what it has started`,
      );
    }
    await this.#tree.end([]);
  }

  resize(): Promise<void> {
    return Promise.reject(commandFailed(TERMINAL_PROBLEM));
  }
}
