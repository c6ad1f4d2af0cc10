/**
 * `kvmmanager-ctl`: the host's command line.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../command_line.ts";
import { printError, printLine } from "../terminal.ts";
import { VERSION } from "../version.ts";
import { AgentClient } from "./client.ts";
import { AnswerError, NoAgentError } from "./errors.ts";

/** Exit statuses of kvmmanager-ctl. */
export const EXIT = { ok: 0, errorAnswer: 1, noAgent: 2, usage: 64 } as const;

const HELP = `kvmmanager-ctl - talks to a guest's kvmmanager-agent from the host

Usage:
  kvmmanager-ctl call METHOD [JSON] --socket PATH [--timeout SECONDS]

  METHOD            a method of the protocol; rpc.discover tells them all
  JSON              its parameters as an object, or - to read them from standard input

Options:
  --socket PATH     the channel's unix socket
  --timeout SECONDS how long to wait for the answer (default 30, 0 for ever)
  --help            this text
  --version         the version

Examples:
  kvmmanager-ctl call ping --socket /run/vm1.sock
  kvmmanager-ctl call exec_command '{"command":"uptime"}' --socket /run/vm1.sock
  echo '{"path":"/etc/hostname"}' | kvmmanager-ctl call file_read - --socket /run/vm1.sock

Exit status: 0 the result is printed, 1 an error answer is printed, 2 no agent, 64 wrong use
`;

/** A call as the command line asks for it. */
interface Call {
  readonly method: string;
  readonly params: unknown;
  readonly socket: string;
  readonly timeoutMs: number;
}

async function run(args: readonly string[]): Promise<number> {
  try {
    const parsed = parseArgs(args, {
      boolean: ["help", "version"],
      string: ["socket", "timeout", "_"],
      collect: ["socket", "timeout"],
      alias: { h: "help" },
      unknown: refuseUnknown,
    });
    if (parsed.help) printLine(HELP.trimEnd());
    else if (parsed.version) printLine(`kvmmanager-ctl ${VERSION}`);
    else {
      const [socket, timeout] = [
        single(parsed.socket, "socket"),
        single(parsed.timeout, "timeout"),
      ];
      await call(await readCall(parsed._.map(String), socket, timeout));
    }
    return EXIT.ok;
  } catch (error) {
    return explain(error);
  }
}

async function call({ method, params, socket, timeoutMs }: Call): Promise<void> {
  const client = await AgentClient.connect(socket);
  await using _client = client;
  printLine(JSON.stringify(await client.callUnchecked(method, params, { timeoutMs }), null, 2));
}

async function readCall(
  words: readonly string[],
  socket: string | undefined,
  timeout: string | undefined,
): Promise<Call> {
  const [command, method, json, ...more] = words;
  if (command === undefined) throw new UsageError("a command is missing; see --help");
  if (command !== "call") throw new UsageError(`unknown command "${command}"; see --help`);
  if (method === undefined) throw new UsageError("call needs a METHOD; see --help");
  if (more.length > 0) throw new UsageError(`unexpected argument "${more[0]}"; see --help`);
  if (socket === undefined) throw new UsageError("--socket PATH is needed");
  const text = json === "-" ? await new Response(Deno.stdin.readable).text() : json;
  return { method, params: parseParams(text), socket, timeoutMs: parseTimeout(timeout) * 1000 };
}

function parseParams(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `the parameters are not JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function parseTimeout(text: string | undefined): number {
  if (text === undefined) return 30;
  if (/^\d{1,6}(\.\d+)?$/.test(text)) return Number(text);
  throw new UsageError(`--timeout must be a number of seconds, received "${text}"`);
}

function explain(error: unknown): number {
  if (error instanceof AnswerError) {
    printLine(JSON.stringify(error, null, 2));
    return EXIT.errorAnswer;
  }
  if (error instanceof NoAgentError) {
    printError(`kvmmanager-ctl: ${error.message}`);
    return EXIT.noAgent;
  }
  if (error instanceof UsageError) {
    printError(`kvmmanager-ctl: ${error.message}`);
    return EXIT.usage;
  }
  throw error;
}

if (import.meta.main) Deno.exit(await run(Deno.args));
