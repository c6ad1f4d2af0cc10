/**
 * Starts a child whose output is delivered as it arrives.
 *
 * @module
 */

import { commandFailed } from "../../../base/errors.ts";
import { countChild, countSpawnedValues } from "../../../base/memory/garbage.ts";
import { withTimer } from "../../../base/waiting.ts";
import type {
  CommandEnd,
  SendableSignal,
  StartedCommand,
  StartOptions,
  TerminalSize,
} from "../../../guest/commands.ts";
import { watchForInterruption } from "../../processes/interruption.ts";
import { PipeReader } from "../../processes/pipe_reader.ts";
import type { CommandTree } from "./command_tree.ts";
import { endGroups } from "./end_groups.ts";
import { signalGroup } from "./process_group.ts";
import { IdentityReader, resizeTerminal, type TerminalIdentity } from "./terminal.ts";

/** What ends a command together with everything that it has started. */
const ENDING_SIGNALS: readonly SendableSignal[] = ["SIGTERM", "SIGKILL"];
/** How long a terminal may take to appear. */
const TERMINAL_MS = 5000;

/**
 * Starts a program in its own process group, in a clean environment.
 *
 * @param tree The control group that the program puts itself into.
 * @throws {Deno.errors.NotFound} and other native errors if it cannot be started, and the reason of
 * the signal if that is aborted before the start.
 */
export function startChild(options: StartOptions, tree?: CommandTree): StartedCommand {
  options.signal.throwIfAborted();
  countChild();
  countSpawnedValues(Object.keys(options.env).length + options.args.length);
  return new StartedChild(options, tree);
}

class StartedChild implements StartedCommand {
  readonly ended: Promise<CommandEnd>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #readers: readonly PipeReader[];
  /** Only of a terminal. */
  readonly #identityReader: IdentityReader | undefined;
  readonly #tree: CommandTree | undefined;
  #identity: TerminalIdentity | undefined;
  /** When the sizes that were asked for so far are set. */
  #resized: Promise<void> = Promise.resolve();
  #hasEnded = false;

  constructor(options: StartOptions, tree: CommandTree | undefined) {
    const { onOutput, terminal } = options;
    this.#tree = tree;
    this.#child = new Deno.Command(options.program, {
      args: [...options.args],
      cwd: options.workingDirectory,
      clearEnv: true,
      env: options.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    const child = this.#child;
    this.#input = child.stdin.getWriter();
    // Whoever writes next is told.
    this.#input.closed.catch(() => {});
    if (terminal === undefined) {
      this.#readers = [
        new PipeReader(child.stdout, (chunk) => onOutput("stdout", chunk)),
        new PipeReader(child.stderr, (chunk) => onOutput("stderr", chunk)),
      ];
    } else {
      const identityReader = new IdentityReader();
      this.#identityReader = identityReader;
      void identityReader.identity.then((identity) => this.#identity = identity);
      this.#readers = [
        new PipeReader(child.stdout, (chunk) => onOutput("tty", chunk)),
        new PipeReader(child.stderr, (chunk) => {
          const rest = identityReader.take(chunk);
          return rest.byteLength === 0 ? undefined : onOutput("tty", rest);
        }),
      ];
    }
    this.ended = this.#end(options);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async #end({ timeoutMs, signal }: StartOptions): Promise<CommandEnd> {
    const child = this.#child;
    const interruption = watchForInterruption(timeoutMs, signal);
    let endedBy: CommandEnd["endedBy"] = "itself";
    let status: Deno.CommandStatus | undefined;
    try {
      const first = await Promise.race([child.status, interruption.happened]);
      if (typeof first === "string") {
        endedBy = first;
        const outputs = this.#readers.map(({ ended }) => ended);
        status = await endGroups(child, outputs, () => this.#otherGroups(), this.#tree);
      } else {
        status = first;
      }
    } finally {
      interruption.forget();
    }
    this.#hasEnded = true;
    this.#identityReader?.end();
    await this.#input.abort().catch(() => {});
    await Promise.all(this.#readers.map((reader) => reader.finish()));
    void this.#tree?.remove();
    return {
      code: status?.code ?? -1,
      signal: status?.signal ?? null,
      endedBy,
      isStuck: status === undefined,
    };
  }

  /** The program in a terminal leads a session of its own. */
  #otherGroups(): readonly number[] {
    return this.#identity === undefined ? [] : [this.#identity.pid];
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#input.write(bytes);
  }

  async closeInput(): Promise<void> {
    await this.#input.close().catch(() => {});
  }

  async signal(signal: SendableSignal): Promise<void> {
    if (this.#identityReader !== undefined) await this.#terminal();
    if (this.#hasEnded) return;
    // script(1) ends by itself, after it has passed on what the program prints at its end.
    const terminal = this.#identity && this.#child.pid;
    if (ENDING_SIGNALS.includes(signal) && await this.#tree?.signal(signal, terminal)) return;
    const pid = this.#identity?.pid ?? this.#child.pid;
    await signalGroup({ pid }, signal);
  }

  async resize(size: TerminalSize): Promise<void> {
    // stty sets rows and columns one after the other: two at once would mix their sizes.
    const resizing = this.#resized.then(async () => {
      const terminal = await this.#terminal();
      if (terminal === undefined) throw commandFailed("the terminal is gone, or was never there");
      await resizeTerminal(terminal.name, size);
    });
    this.#resized = resizing.catch(() => {});
    await resizing;
  }

  async #terminal(): Promise<TerminalIdentity | undefined> {
    if (this.#identityReader === undefined || this.#hasEnded) return undefined;
    if (this.#identity === undefined) await withTimer(TERMINAL_MS, this.#identityReader.identity);
    return this.#identity;
  }
}
