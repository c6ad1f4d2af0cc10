/**
 * Running programs in the guest: the interface that every platform implements.
 *
 * @module
 */

import type { Once } from "../base/memory/once.ts";
import type { OutputShare } from "../base/memory/output_budget.ts";
import type { InstalledPrograms } from "../policy/commands.ts";

/** What to run, and its limits. */
export interface RunOptions {
  /** The absolute path of the program. */
  readonly program: string;
  readonly args: readonly string[];
  readonly workingDirectory: string;
  /** The complete environment of the command. */
  readonly env: Readonly<Record<string, string>>;
  /** The command's standard input, taken when it is written; empty by default. */
  readonly input?: Once<Uint8Array<ArrayBuffer>> | undefined;
  /** The bytes of each output stream to keep; 0 discards both. */
  readonly maxOutputBytes: number;
  /**
   * Where the room for the output comes from, which is held until it is closed: both streams keep
   * {@link maxOutputBytes} together then. Without it, the room is not counted.
   */
  readonly outputShare?: OutputShare;
  /** Whether standard error goes where standard output goes, in the order of writing. */
  readonly mergesOutput?: boolean;
  /** Milliseconds until the command and everything in its process group is killed. */
  readonly timeoutMs: number;
  /** Kills the command as the timeout does. */
  readonly signal: AbortSignal;
  /** Told the process id as soon as there is one, for those who do not wait for the end. */
  readonly onStarted?: (pid: number) => void;
}

/** What was kept of one output stream. */
export interface CapturedOutput {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether the stream had more than that. */
  readonly truncated: boolean;
  /** Gives the memory of `bytes` back, which nothing reads any more; absent if they are few. */
  readonly release?: () => void;
}

/** A signal name from signal(7), such as `SIGKILL`. */
export type SignalName = `SIG${string}`;

/** How a command ended. */
export interface RunResult {
  /** Its exit status; 128 + the signal's number if a signal killed it; -1 if it {@link isStuck}. */
  readonly code: number;
  /** The signal that killed it, or `null`. */
  readonly signal: SignalName | null;
  /** Why it ended: it exited, it timed out, or the call was cancelled. */
  readonly endedBy: "itself" | "timeout" | "cancellation";
  /** Whether even SIGKILL did not end it in time: it is in uninterruptible sleep in the kernel. */
  readonly isStuck: boolean;
  readonly stdout: CapturedOutput;
  readonly stderr: CapturedOutput;
  /** Milliseconds from start to end. */
  readonly durationMs: number;
}

/** Where a started command prints; a terminal has one stream. */
export type OutputStream = "stdout" | "stderr" | "tty";

/** The size of a terminal, in characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly cols: number;
}

/** What to start, and who gets its output. */
export interface StartOptions extends Omit<RunOptions, "input" | "maxOutputBytes" | "onStarted"> {
  /** Gives the command a terminal of this size instead of pipes. */
  readonly terminal?: TerminalSize;
  /** Gets the output as it arrives. The bytes are valid until it resolves; then more is read. */
  readonly onOutput: (stream: OutputStream, bytes: Uint8Array) => Promise<void>;
}

/** How a started command ended. */
export type CommandEnd = Pick<RunResult, "code" | "signal" | "endedBy" | "isStuck">;

/** The signals that may be sent to a command. */
export const SIGNALS = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGKILL",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGWINCH",
] as const satisfies readonly SignalName[];

/** One of {@link SIGNALS}. */
export type SendableSignal = (typeof SIGNALS)[number];

/** A command that was started. */
export interface StartedCommand {
  readonly pid: number;
  /** Resolves when it has ended and all its output was delivered. Never rejects. */
  readonly ended: Promise<CommandEnd>;
  /**
   * Writes to its standard input or terminal; resolves when all is written.
   *
   * @throws {Error} if it has closed its input or ended.
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends its standard input. In a terminal that is the end-of-file character. */
  closeInput(): Promise<void>;
  /**
   * Sends a signal to its process group, or SIGTERM and SIGKILL to everything that it has started if
   * the guest can tell; none if it has ended.
   */
  signal(signal: SendableSignal): Promise<void>;
  /**
   * Changes the size of its terminal.
   *
   * @throws {RpcError} -32000 if that fails.
   */
  resize(size: TerminalSize): Promise<void>;
}

/** The programs of the guest. */
export interface Commands extends InstalledPrograms {
  /** Where commands run unless the request says otherwise. */
  readonly defaultDirectory: string;
  /** The variables that every command gets unless the request sets them. */
  baseEnvironment(): Promise<Readonly<Record<string, string>>>;
  /**
   * Runs a program in a clean environment, without a shell.
   *
   * @throws {RpcError} -32001, -32002 or -32000, with the reason, if it cannot be started.
   */
  run(options: RunOptions): Promise<RunResult>;
  /**
   * Starts a program as {@link run} does, and delivers its output as it arrives.
   *
   * @throws {RpcError} -32001, -32002 or -32000, with the reason, if it cannot be started.
   */
  start(options: StartOptions): Promise<StartedCommand>;
  /** Why no command can have a terminal here, or `undefined` if it can. */
  terminalProblem(): string | undefined;
}
