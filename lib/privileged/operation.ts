/**
 * An operation that needs root: one file with what it is, from which the agent's method and the
 * reference are derived, and with how root performs it, for the broker and its permissions.
 *
 * @module
 */

import type * as z from "zod";
import { checkParams } from "../base/check_params.ts";
import { commandFailed } from "../base/errors.ts";
import type { Config } from "../config/schema.ts";
import type { Group } from "../policy/groups.ts";
import type { Freezing, MountedFilesystem } from "./filesystems.ts";

/** How a program ended that an operation ran. */
export interface ProgramResult {
  /** Its exit status; 128 + the signal's number if a signal killed it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options for running a program. */
export interface ProgramOptions {
  /** Its standard input; empty by default. Secrets go here: arguments are visible to every user. */
  readonly input?: string;
  /** Milliseconds until it is killed with its process group. @default {60000} */
  readonly timeoutMs?: number;
}

/** Options for a program in the background. */
export interface BackgroundOptions {
  /** Variables besides PATH, HOME and LC_ALL. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What an operation may use while it runs as root. */
export interface Root {
  readonly config: Config;
  /** Aborted if the request is cancelled. */
  readonly signal: AbortSignal;
  /** Milliseconds since the agent sent the request: a slow start must not set a clock wrong. */
  sinceSentMs(): number;
  /** Whether a program is installed. */
  has(program: string): boolean;
  /**
   * Runs one of the operation's programs, without a shell, in a clean environment.
   *
   * @throws {RpcError} -32000 if it is not installed or takes too long.
   */
  run(
    program: string,
    args: readonly string[],
    options?: ProgramOptions,
  ): Promise<ProgramResult>;
  /**
   * Runs one of the operation's programs as a service of its own, without the broker's limits and
   * sandbox, for as long as it takes; its output goes to the agent as it arrives. It goes on if the
   * agent is gone.
   *
   * @returns Its exit status.
   * @throws {RpcError} -32000 if it is not installed or cannot be started, and if it was cancelled.
   */
  runInBackground(
    program: string,
    args: readonly string[],
    options?: BackgroundOptions,
  ): Promise<number>;
  /**
   * Sends a signal to one process, whoever owns it.
   *
   * @param process Its number, and when it started in hundredths of a second since the guest did.
   * @param mayReach Throws if the processes of that user must not be signalled.
   * @returns `false` if it has ended, even if another one has its number now.
   */
  signalProcess(
    process: { readonly pid: number; readonly startTicks: number },
    signal: Deno.Signal,
    mayReach: (uid: number) => Promise<void>,
  ): Promise<boolean>;
  /**
   * Keeps a text in a file that only root can read, for programs that read nothing else, until the
   * operation ends.
   *
   * @returns Its path, in memory (/run).
   */
  keepText(text: string): Promise<string>;
  /** Adds a line to the output that goes to the agent. */
  tell(line: string): Promise<void>;
  /** The mounted file systems with a block device, in the order of mounting, each one once. */
  mounts(): Promise<readonly MountedFilesystem[]>;
  readonly freezing: Freezing;
}

/** What an operation is: what the agent's method needs to know of it. */
export interface OperationDefinition<
  Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
> {
  /** The name on the wire, which is also that of the method, if there is one. */
  readonly name: Name;
  /** The group that the configuration must allow; the broker checks it again. */
  readonly group: Group;
  readonly params: () => Params;
  readonly result: () => Result;
  /** Parameters with private data, which errors and records never repeat. */
  readonly hidden?: readonly string[];
  /** What the log and the audit record about a request: names, never contents. */
  readonly target: (params: z.output<Params>) => Readonly<Record<string, unknown>>;
}

/** An operation with the types of its name, parameters and result. */
export interface TypedOperation<
  Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
> extends OperationDefinition<Name, Params, Result> {
  readonly hidden: readonly string[];
}

/** How root performs an operation: only the broker needs to know. */
export interface Performance<Params extends z.ZodMiniType, Result extends z.ZodMiniType> {
  /**
   * The programs that it may run, by their bare names, or by the path of a script of the package for
   * the background. Deno refuses all others to the broker.
   */
  readonly programs: readonly string[];
  /** Performs it as root. */
  readonly run: (params: z.output<Params>, root: Root) => Promise<z.input<Result>>;
}

/** An operation as the broker sees it. */
export interface Operation {
  readonly name: string;
  readonly group: Group;
  readonly programs: readonly string[];
  /**
   * Checks the parameters.
   *
   * @throws {RpcError} -32602 with every problem.
   */
  prepare(raw: unknown): PreparedOperation;
}

/** An operation with checked parameters. */
export interface PreparedOperation {
  readonly target: Readonly<Record<string, unknown>>;
  run(root: Root): Promise<unknown>;
}

/** Turns a definition into an operation. */
export const operation = <
  const Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
>(
  definition: OperationDefinition<Name, Params, Result>,
): TypedOperation<Name, Params, Result> => ({ hidden: [], ...definition });

/**
 * Joins an operation and how root performs it.
 *
 * The two stand in one file, but the agent's bundle has only the first. So each call is marked
 * `@__PURE__`: the bundler leaves it out, and all that only it needs, where its value is not used.
 */
export function asRoot<
  const Name extends string,
  Params extends z.ZodMiniType,
  Result extends z.ZodMiniType,
>(
  { name, group, params, hidden, target }: TypedOperation<Name, Params, Result>,
  { programs, run }: Performance<Params, Result>,
): Operation {
  return {
    name,
    group,
    programs,
    prepare(raw) {
      const checked = checkParams(params(), raw, new Set(hidden));
      return {
        target: target(checked),
        run: (root) =>
          run(checked, {
            ...root,
            run: onlyListed(name, programs, root.run),
            runInBackground: onlyListed(name, programs, root.runInBackground),
          }),
      };
    },
  };
}

/** Keeps an operation to its own programs: Deno's list holds those of all operations. */
const onlyListed = <Options, Result>(
  name: string,
  programs: readonly string[],
  run: (program: string, args: readonly string[], options?: Options) => Result,
): typeof run =>
(program, args, options) => {
  if (!programs.includes(program)) throw new Error(`${name} does not list ${program}`);
  return run(program, args, options);
};

/**
 * Runs a program that must succeed; returns what it printed.
 *
 * @throws {RpcError} -32000 with the first line of its errors.
 */
export async function runOrFail(
  root: Root,
  program: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<string> {
  const { code, stdout, stderr } = await root.run(program, args, options);
  if (code === 0) return stdout;
  throw commandFailed(`${program} failed: ${firstLine(stderr) || `exit status ${code}`}`, {
    program,
    exit_code: code,
  });
}

/** The first line of what a program has printed; empty if it printed nothing. */
export const firstLine = (text: string): string => text.trim().split("\n")[0] ?? "";
