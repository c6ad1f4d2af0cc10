/**
 * A real agent for the tests: the process that `deno task agent` starts, confined to its
 * configuration, in a temporary directory that is removed with it.
 *
 * @module
 */

import { assertEquals, fail } from "@std/assert";
import * as z from "zod";
import { AgentClient, type ClientOptions } from "../../host/client.ts";
import { type Outcome, outcomeOf } from "../_deno.ts";
import { agentProgram, PATIENCE } from "./_program.ts";
import { Host } from "./_host.ts";
import { until, within } from "../_waiting.ts";

const START_MS = 30_000 * PATIENCE;
const LOG_MS = 20_000 * PATIENCE;
/** More than the agent's grace periods for work in flight, for process groups and for replies. */
const STOP_MS = 20_000 * PATIENCE;

const LogLine = z.looseObject({ time: z.string(), level: z.string(), message: z.string() });

/** A line of the agent's log. */
export type LogLine = z.output<typeof LogLine>;

/** How an agent is started. */
export interface AgentOptions {
  /** Members of the configuration besides the harness's; `security` is merged. */
  readonly config?: (paths: Paths) => Configuration;
  /** Further arguments of the agent. */
  readonly args?: (paths: Paths) => readonly string[];
  /** Paths of another agent that this one replaces. */
  readonly paths?: Paths;
  /** Runs before the agent starts. */
  readonly prepare?: (paths: Paths) => Promise<void>;
  /** `listen` on {@link Paths.socket}, `stdio` on pipes of {@link TestAgent.stdio}, or a device. */
  readonly channel?: "listen" | "stdio" | `device:${string}`;
  /** A program and its arguments; the agent's command line is appended. */
  readonly wrapper?: (paths: Paths) => readonly string[];
  /** The log goes elsewhere: the agent is ready when its socket can be connected to. */
  readonly isSilent?: boolean;
  /** Changes the arguments of `deno` that are derived from the configuration. */
  readonly flags?: (args: readonly string[], paths: Paths) => readonly string[];
}

/** A configuration file's content, possibly wrong. */
export type Configuration = Readonly<Record<string, unknown>> & {
  readonly security?: Readonly<Record<string, unknown>>;
};

/** The paths of an agent's files. */
export interface Paths {
  /** The temporary directory with all files. */
  readonly directory: string;
  /** The one directory that may be read and written by default. */
  readonly files: string;
  readonly socket: string;
  readonly configFile: string;
}

/**
 * The flags of an agent that Deno does not confine, so that only the agent's own checks apply. This
 * is the case if a configuration allows more than the binary's permissions.
 */
export const unconfined = (args: readonly string[]): string[] => [
  ...args.slice(0, 1),
  "-A",
  ...args.slice(1).filter((arg) => !arg.startsWith("--allow-")),
];

/** Temporary paths; the directory for files exists. */
export async function makePaths(): Promise<Paths> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "kvmmanager-test-" }));
  const files = `${directory}/files`;
  await Deno.mkdir(files);
  return {
    directory,
    files,
    socket: `${directory}/agent.sock`,
    configFile: `${directory}/config.json`,
  };
}

/** The harness's configuration, overridden by the test's. */
export function configuration(paths: Paths, config: Configuration = {}): Configuration {
  return {
    log_file: null,
    max_requests_per_second: 1_000_000,
    state_directory: `${paths.directory}/state`,
    ...config,
    security: {
      allowed_read_paths: [paths.files],
      allowed_write_paths: [paths.files],
      ...config.security,
    },
  };
}

/** An agent that runs until it is disposed of; disposing asserts that it exits cleanly. */
export class TestAgent implements AsyncDisposable {
  /** Its log so far, line by line. */
  readonly log: LogLine[] = [];
  /** Everything that it wrote to standard error. */
  logText = "";
  readonly #child: Deno.ChildProcess;
  readonly #logging: Promise<void>;
  readonly #stdio: Host | undefined;
  #isAwaited = false;
  #hasLogEnded = false;

  private constructor(child: Deno.ChildProcess, readonly paths: Paths, isStdio: boolean) {
    this.#child = child;
    this.#logging = this.#readLog();
    if (isStdio) {
      this.#stdio = new Host({ readable: child.stdout, writable: child.stdin, close: () => {} });
    }
  }

  /** Starts an agent and waits until it is ready. */
  static async start(options: AgentOptions = {}): Promise<TestAgent> {
    const paths = options.paths ?? await makePaths();
    try {
      return await TestAgent.#startIn(paths, options);
    } catch (error) {
      await Deno.remove(paths.directory, { recursive: true });
      throw error;
    }
  }

  static async #startIn(paths: Paths, options: AgentOptions): Promise<TestAgent> {
    await options.prepare?.(paths);
    const config = configuration(paths, options.config?.(paths));
    await Deno.writeTextFile(paths.configFile, JSON.stringify(config));
    const isStdio = options.channel === "stdio";
    const { flags } = options;
    const { words: command, env } = await agentProgram([
      "--channel",
      options.channel === undefined || options.channel === "listen"
        ? `listen:${paths.socket}`
        : options.channel,
      "--config",
      paths.configFile,
      ...options.args?.(paths) ?? [],
    ], flags === undefined ? undefined : (args) => flags(args, paths));
    const [program = "", ...args] = [...options.wrapper?.(paths) ?? [], ...command];
    const child = new Deno.Command(program, {
      args,
      env,
      stdin: isStdio ? "piped" : "null",
      stdout: isStdio ? "piped" : "null",
      stderr: "piped",
    }).spawn();
    const agent = new TestAgent(child, paths, isStdio);
    try {
      if (options.isSilent) await agent.#listening();
      else await agent.logged(({ message }) => message === "agent ready", "it is ready", START_MS);
      return agent;
    } catch (error) {
      agent.#killUnlessEnded();
      await agent.ended();
      throw error;
    }
  }

  #killUnlessEnded(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has exited.
    }
  }

  async #listening(): Promise<void> {
    const connects = async () => {
      try {
        (await Deno.connect({ transport: "unix", path: this.paths.socket })).close();
        return true;
      } catch {
        return false;
      }
    };
    await until(
      async () => await connects() || this.#hasLogEnded,
      () => `the agent to listen: ${this.logTail}`,
      START_MS,
    );
  }

  /** The agent's process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The host at the other end of standard input and output. */
  get stdio(): Host {
    return this.#stdio ?? fail("the agent was not started with channel stdio");
  }

  /** A raw connection; the agent serves one at a time. */
  async connect(): Promise<Host> {
    return await Host.connect(this.paths.socket);
  }

  /** A connection of the project's own client. */
  async client(options?: ClientOptions): Promise<AgentClient> {
    return await AgentClient.connect(this.paths.socket, options);
  }

  /** Waits for the first matching line of the log. */
  async logged(
    fits: (line: LogLine) => boolean,
    what: string,
    deadlineMs = LOG_MS,
  ): Promise<LogLine> {
    await until(
      () => this.log.some(fits) || this.#hasLogEnded,
      () => `the log to have ${what}: ${this.logTail}`,
      deadlineMs,
    );
    return this.log.find(fits) ?? fail(`the agent exited without logging ${what}: ${this.logTail}`);
  }

  /** The end of the log, for the message of a failure. */
  get logTail(): string {
    return this.logText.slice(-2000);
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the process to exit; one that does not exit in time is killed and fails the test. */
  async ended(deadlineMs = STOP_MS): Promise<Deno.CommandStatus> {
    this.#isAwaited = true;
    try {
      return await within(this.#child.status, `the agent's end: ${this.logTail}`, deadlineMs);
    } catch (error) {
      this.#killUnlessEnded();
      await this.#child.status;
      throw error;
    } finally {
      await this.#logging;
      await this.#stdio?.close();
    }
  }

  /**
   * Stops the agent, and asserts exit status 0 and a log of JSON lines without errors. A test that
   * has awaited the exit itself makes its own assertions.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#isAwaited) return;
      this.kill("SIGTERM");
      const { code } = await this.ended();
      assertEquals(code, 0, this.logTail);
      assertEquals(this.log.filter(({ level }) => level === "error"), []);
    } finally {
      await Deno.remove(this.paths.directory, { recursive: true });
    }
  }

  async #readLog(): Promise<void> {
    const decoder = new TextDecoder();
    let unfinished = "";
    for await (const chunk of this.#child.stderr) {
      const text = decoder.decode(chunk, { stream: true });
      this.logText += text;
      const lines = (unfinished + text).split("\n");
      unfinished = lines.pop() ?? "";
      for (const line of lines) this.log.push(parseLog(line));
    }
    this.#hasLogEnded = true;
  }
}

function parseLog(line: string): LogLine {
  try {
    return z.parse(LogLine, JSON.parse(line));
  } catch {
    return { time: "", level: "error", message: `not a line of the log: ${line}` };
  }
}

/** Runs an agent that is expected to exit by itself; `input` becomes its standard input. */
export async function runAgent(args: readonly string[], input = ""): Promise<Outcome> {
  const { words: [program = "", ...rest], env } = await agentProgram(args);
  const child = new Deno.Command(program, {
    args: rest,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feeding = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  const outcome = await outcomeOf(child);
  await feeding;
  return outcome;
}
