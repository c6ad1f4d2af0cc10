import { argument, multiple, object, option, optional, string } from "@optique/core";
import * as z from "zod";
import { UsageError } from "../../../lib/base/command_line.ts";
import { ERRORS } from "../../../lib/base/errors.ts";
import { base64Capacity } from "../../../lib/base/json_text.ts";
import { printError, printLine, writeBytes } from "../../../lib/base/terminal.ts";
import type { AgentClient } from "../../client.ts";
import { AnswerError, CallError } from "../../errors.ts";
import type { ParamsOf } from "../../protocol.ts";
import { defineCommand, lines, seconds, words } from "../command.ts";
import { EXEC_EXIT, EXIT } from "../exit.ts";
import { explain, reasonOf } from "../explain.ts";
import { printable, printableJson } from "../printable.ts";
import { readStdin } from "../stdin.ts";
import { connectTarget } from "../target.ts";

const DEFAULT_TIMEOUT_SECONDS = 30;
/** How much longer than the guest the host waits: SIGTERM, SIGKILL and the way back. */
const GRACE_MS = 10_000;
const DEFAULT_MESSAGE_KB = 64;

/** What was printed until a command was ended. */
const Output = z.looseObject({ stdout: z.string(), stderr: z.string() });

/** `exec`: a program in the guest as if it ran here. */
export const exec = defineCommand(
  {
    name: "exec",
    brief: "Runs a program in the guest, with its input, output and exit status passed through.",
    details: [
      "There is no shell: sh -c 'COMMAND' gives one. What follows the program's name is the",
      "program's, options too. Standard input that is no terminal is read to its end and given to",
      "it. Output beyond one message is cut off, which is told on standard error. Ctrl-C ends",
      "the program in the guest. Exit status: the program's own; 124 out of time, 125 the agent",
      "refused or is not there, 126 not allowed, 127 not found, 130 interrupted.",
    ],
    examples: [
      "exec --domain vm1 uptime",
      "exec --domain vm1 --timeout 300 --cwd /srv --env LANG=C -- sh -c 'du -s * | sort -n'",
      "exec --domain vm1 -- tee /tmp/motd < motd",
    ],
  },
  object({
    timeout: optional(option("--timeout", seconds(1, 86_400), {
      description: lines(["ends the program after so long (default 30)"]),
    })),
    cwd: optional(option("--cwd", words("DIRECTORY"), {
      description: lines(["the working directory in the guest (default /)"]),
    })),
    env: multiple(option("-e", "--env", string({ metavar: "K=V" }), {
      description: lines(["a variable of its environment; may be repeated"]),
    })),
    noStdin: option("-n", "--no-stdin", {
      description: lines(["gives it an empty input, whatever ours is"]),
    }),
    words: multiple(argument(string({ metavar: "CMD" })), { min: 1 }),
  }),
  async ({ timeout, cwd, env, noStdin, words: [command = "", ...args] }, invocation) => {
    const { json, signal } = invocation;
    const seconds = timeout === undefined ? undefined : Math.ceil(timeout);
    try {
      const variables = parseVariables(env);
      const { client } = await connectTarget(invocation);
      await using _client = client;
      const params: ParamsOf<"exec_command"> = {
        command,
        args,
        timeout_seconds: seconds,
        working_directory: cwd,
        env: variables,
        output_encoding: "base64",
        ...(noStdin ? {} : await readInput(client, signal)),
      };
      const timeoutMs = (seconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000 + GRACE_MS;
      const result = await client.call("exec_command", params, {
        timeoutMs,
        signal,
        cancelInGuest: true,
      });
      if (json) {
        const { stdout, stderr } = result;
        printLine(printableJson({ ...result, stdout: textOf(stdout), stderr: textOf(stderr) }, 2));
        return EXIT.ok;
      }
      show(result);
      for (const stream of ["stdout", "stderr"] as const) {
        if (!result[`${stream}_truncated`]) continue;
        printError(`kvmmanager-ctl: ${stream} did not fit one message, the rest of it is lost`);
      }
      return result.exit_code;
    } catch (error) {
      return failure(error);
    }
  },
);

/** The exit status for what kept the program from running or ending. */
function failure(error: unknown): number {
  if (error instanceof AnswerError) {
    const output = z.safeParse(Output, error.data);
    if (output.success) show(output.data);
    printError(`kvmmanager-ctl: the agent refused: ${printable(reasonOf(error))}`);
    if (error.code === ERRORS.timeout.code) return EXEC_EXIT.timeout;
    if (error.code === ERRORS.permissionDenied.code) return EXEC_EXIT.notExecutable;
    return error.code === ERRORS.notFound.code ? EXEC_EXIT.notFound : EXEC_EXIT.failed;
  }
  if (error instanceof CallError) {
    explain(error);
    return EXEC_EXIT.failed;
  }
  throw error;
}

function show({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): void {
  writeBytes(Deno.stdout, decode(stdout));
  writeBytes(Deno.stderr, decode(stderr));
}

function decode(content: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(content);
  } catch {
    throw new CallError("the agent sent output that is not base64", "invalid result", true);
  }
}

const textOf = (content: string) => new TextDecoder().decode(decode(content));

function parseVariables(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => {
    const at = pair.indexOf("=");
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
    throw new UsageError(`--env must be NAME=VALUE, received "${pair}"`);
  }));
}

/** Standard input, unless a person sits there. */
async function readInput(
  client: AgentClient,
  signal: AbortSignal,
): Promise<{ input?: string; input_encoding?: "base64" }> {
  if (Deno.stdin.isTerminal()) return {};
  const { max_message_size_kb = DEFAULT_MESSAGE_KB } = await client.call("get_agent_info", {}, {
    signal,
  });
  // The rest of the message is the command's.
  const most = base64Capacity(max_message_size_kb * 1024 / 2);
  const bytes = await readStdin(signal, most);
  if (bytes.byteLength === 0) return {};
  return { input: bytes.toBase64(), input_encoding: "base64" };
}
