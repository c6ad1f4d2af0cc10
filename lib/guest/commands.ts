/**
 * Running programs in the guest: what every platform offers to the methods.
 *
 * @module
 */

/** What to run and within which limits. */
export interface RunOptions {
  /** The absolute path of the program. */
  readonly program: string;
  readonly args: readonly string[];
  readonly workingDirectory: string;
  /** The complete environment of the command. */
  readonly env: Readonly<Record<string, string>>;
  /** What the command reads on its standard input; empty by default. */
  readonly input?: Uint8Array<ArrayBuffer>;
  /** How many bytes of each output stream are kept; 0 discards both. */
  readonly maxOutputBytes: number;
  /** Milliseconds until the command and everything it started is killed. */
  readonly timeoutMs: number;
  /** Kills the command as the timeout does. */
  readonly signal: AbortSignal;
}

/** What was kept of one output stream. */
export interface CapturedOutput {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether the stream had more than was kept. */
  readonly truncated: boolean;
}

/** How a command ended. */
export interface RunResult {
  /** Its exit status; 128 + the signal's number if a signal killed it. */
  readonly code: number;
  /** The signal that killed it, such as `SIGKILL`, or `null`. */
  readonly signal: string | null;
  /** What ended it. */
  readonly endedBy: "itself" | "timeout" | "cancellation";
  readonly stdout: CapturedOutput;
  readonly stderr: CapturedOutput;
  /** Milliseconds from start to end. */
  readonly durationMs: number;
}

/** The programs of the guest. */
export interface Commands {
  /**
   * The absolute path of the program that `command` names, if the whitelist allows it.
   *
   * @param whitelist `null` allows every program.
   * @throws {RpcError} -32602 for a malformed command, -32001 for one that is not allowed, -32002 if
   * a bare name is not found.
   */
  find(command: string, whitelist: readonly string[] | null): string;
  /** The home directory of the agent's user. */
  homeDirectory(): Promise<string>;
  /**
   * Runs a program in a clean environment, without a shell.
   *
   * @throws {Deno.errors.NotFound} and other native errors if it cannot be started.
   */
  run(options: RunOptions): Promise<RunResult>;
}
