import {
  argument,
  merge,
  message,
  multiple,
  object,
  option,
  optional,
  string,
} from "@optique/core";
import * as z from "zod";
import { UsageError } from "../../../lib/base/command_line.ts";
import { base64Capacity } from "../../../lib/base/json_text.ts";
import { printError, printLine, writeBytes } from "../../../lib/base/terminal.ts";
import type { AgentClient } from "../../client.ts";
import { AnswerError, CallError } from "../../errors.ts";
import type { FleetVm } from "../../fleet/client.ts";
import { checkedResult, type ParamsOf } from "../../protocol.ts";
import { defineCommand, type Invocation, lines, seconds, words } from "../command.ts";
import { EXEC_EXIT } from "../exit.ts";
import { answerText, explain } from "../explain.ts";
import { bytesText } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { readStdin } from "../stdin.ts";
import { connectTarget } from "../target.ts";
import { callMany, type FanOutChoice, fanOutOptions, isFanOut } from "./_fan_out.ts";
import { parseVariables } from "./_job.ts";
import { type Program, refusalStatus, runInTerminal, runStreaming, startFailure } from "./_run.ts";
import { requireTerminal } from "./_terminal.ts";

const DEFAULT_TIMEOUT_SECONDS = 30;
/** The time after the guest's time limit for SIGTERM, SIGKILL and the answer. */
const GRACE_MS = 10_000;
const DEFAULT_MESSAGE_KB = 64;

/** A program's output until it was killed. */
const PartialOutput = z.looseObject({
  stdout: z.string(),
  stderr: z.string(),
  stdout_truncated: z._default(z.boolean(), false),
  stderr_truncated: z._default(z.boolean(), false),
});

type Output = z.output<typeof PartialOutput>;

/** `exec`: a program in the guest, run as if it were local. */
export const exec = defineCommand(
  {
    name: "exec",
    brief: "Runs a program in the guest and passes its input, output and exit status through.",
    details: [
      "There is no shell; use sh -c 'COMMAND' for one. Everything after the program's name belongs to",
      "the program, options included. Input and output are passed on as they come, of any size;",
      "standard input is not if it is a terminal, unless -t gives the program a terminal too. Signals",
      "such as Ctrl-C are passed on; a second one kills the program. If the connection is lost, the",
      "program goes on, and nothing of its output is lost. Exit status: the program's own; 122 output",
      "was lost; 124 timed out; 125 the agent refused, failed or cannot be reached; 126 not allowed;",
      "127 program not found; 130 interrupted. With --json the result or the error is printed as JSON",
      "at the end; the exit status is the same. With --json, and with an agent that has no jobs, input",
      "and output are limited to one message.",
    ],
    examples: [
      "exec --domain vm1 uptime",
      "exec --domain vm1 --timeout 300 --cwd /srv --env LANG=C -- sh -c 'ls | wc -l'",
      "exec --domain vm1 -- tee /tmp/motd < motd",
      "exec --domain vm1 -t -- vim /etc/motd",
      "exec --fleet nats://mq1:4222 --creds me.creds -l role=web --batch 5% -- uptime",
    ],
  },
  merge(
    object({
      timeout: optional(option("--timeout", seconds(1, 86_400), {
        description: lines(["kills the program after this time (default 30; none with -t)"]),
      })),
      cwd: optional(option("--cwd", words("DIRECTORY"), {
        description: lines(["the working directory in the guest (default /)"]),
      })),
      env: multiple(option("-e", "--env", string({ metavar: "K=V" }), {
        description: lines(["a variable of its environment; repeatable"]),
      })),
      tty: option("-t", "--tty", {
        description: lines(["gives the program a terminal, connected with this one"]),
      }),
      noStdin: option("-n", "--no-stdin", {
        description: lines(["gives the program an empty standard input"]),
      }),
      words: multiple(
        argument(string({ metavar: "CMD" }), {
          description: lines(["the program, then its arguments"]),
        }),
        {
          min: 1,
          errors: { tooFew: message`the program to run is missing` },
        },
      ),
    }),
    fanOutOptions,
  ),
  async (
    { timeout, cwd, env, tty, noStdin, words: [command = "", ...args], ...choice },
    invocation,
  ) => {
    const program: Program = {
      command,
      args,
      timeout_seconds: timeout === undefined ? undefined : Math.ceil(timeout),
      working_directory: cwd,
      env: parseVariables(env),
    };
    if (isFanOut(choice, invocation)) {
      if (tty) throw new UsageError("--tty is for one VM");
      return await runOnMany(program, choice, invocation);
    }
    if (tty) requireTerminal();
    if (tty && noStdin) throw new UsageError("--tty and --no-stdin exclude each other");
    if (invocation.json) return await runAtOnce(program, noStdin, invocation);
    try {
      const { client } = await connectTarget(invocation);
      await using _client = client;
      if (tty) return await runInTerminal(client, program, invocation);
      const { timeout_seconds = DEFAULT_TIMEOUT_SECONDS } = program;
      const startMs = timeout_seconds * 1000 + GRACE_MS;
      const hasInput = !noStdin && !Deno.stdin.isTerminal();
      return await runStreaming(client, { ...program, timeout_seconds }, {
        hasInput,
        startMs,
      }, invocation);
    } catch (error) {
      if (!tty && error instanceof AnswerError && error.isUnknownMethod) {
        return await runAtOnce(program, noStdin, invocation);
      }
      return startFailure(error);
    }
  },
);

/** Runs a program on many VMs; its output is printed with the VM's name, its input is empty. */
function runOnMany(
  program: Program,
  choice: FanOutChoice,
  invocation: Invocation,
): Promise<number> {
  const { timeout_seconds = DEFAULT_TIMEOUT_SECONDS } = program;
  const call = {
    method: "exec_command",
    params: { ...program, timeout_seconds },
    timeoutMs: timeout_seconds * 1000 + GRACE_MS,
    judge: (result: unknown, { name }: FleetVm) => {
      const { exit_code, ...output } = checkedResult("exec_command", result);
      if (!invocation.json) printWithName(name, output);
      const isCut = output.stdout_truncated === true || output.stderr_truncated === true;
      return {
        isOk: exit_code === 0 && !isCut,
        detail: `status ${exit_code}${isCut ? ", and its output was cut" : ""}`,
      };
    },
  };
  return callMany(call, choice, invocation);
}

function printWithName(name: string, output: { stdout: string; stderr: string }): void {
  const linesOf = (text: string) => text.replace(/\n$/, "").split("\n").filter(() => text !== "");
  for (const line of linesOf(output.stdout)) printLine(printable(`${name}: ${line}`));
  for (const line of linesOf(output.stderr)) printError(printable(`${name}: ${line}`));
}

/** Runs a program with its whole input and output in one message each. */
async function runAtOnce(
  program: Program,
  noStdin: boolean,
  invocation: Invocation,
): Promise<number> {
  const { json, signal } = invocation;
  try {
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const params: ParamsOf<"exec_command"> = {
      ...program,
      output_encoding: "base64",
      ...(noStdin ? {} : await readInput(client, signal)),
    };
    const result = await client.call("exec_command", params, {
      timeoutMs: (program.timeout_seconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000 + GRACE_MS,
      signal,
      cancelInGuest: true,
    });
    if (json) printLine(printableJson({ ...result, ...decodedOutput(result) }, 2));
    else writeOutput(result);
    const isCut = reportCut(result, `the program exited with status ${result.exit_code}`);
    return isCut ? EXEC_EXIT.outputCut : result.exit_code;
  } catch (error) {
    return failure(error, json);
  }
}

/** The exit status if the program did not run to completion. */
function failure(error: unknown, json: boolean): number {
  if (error instanceof AnswerError) {
    const { success, data: output } = z.safeParse(PartialOutput, error.data);
    if (json) printLine(printableJson({ error: readableError(error, output) }, 2));
    else if (success) writeOutput(output);
    printError(`kvmmanager-ctl: ${printable(answerText(error))}`);
    if (success) reportCut(output, "the program was killed");
    return refusalStatus(error);
  }
  if (error instanceof CallError) {
    if (json) printLine(printableJson({ error: { message: error.message } }, 2));
    explain(error);
    return EXEC_EXIT.failed;
  }
  throw error;
}

const readableError = (error: AnswerError, output: Output | undefined) => ({
  ...error.toJSON(),
  ...(output === undefined ? {} : { data: { ...output, ...decodedOutput(output) } }),
});

/** Prints an error for each truncated stream; returns whether there is one. */
function reportCut(output: Output, ending: string): boolean {
  const cut = (["stdout", "stderr"] as const).filter((stream) => output[`${stream}_truncated`]);
  for (const stream of cut) {
    const size = bytesText(decode(output[stream]).byteLength);
    printError(
      `kvmmanager-ctl: ${stream} was truncated after ${size} (the message limit); ${ending}. ` +
        "To get all of it, redirect it to a file in the guest and pull that",
    );
  }
  return cut.length > 0;
}

function writeOutput({ stdout, stderr }: Output): void {
  writeBytes(Deno.stdout, decode(stdout));
  writeBytes(Deno.stderr, decode(stderr));
}

const decodedOutput = ({ stdout, stderr }: Output) => ({
  stdout: textOf(stdout),
  stderr: textOf(stderr),
});

function decode(content: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(content);
  } catch {
    throw new CallError("the agent sent output that is not base64", "invalid result", true);
  }
}

const textOf = (content: string) => new TextDecoder().decode(decode(content));

/** Standard input, unless it is a terminal. */
async function readInput(
  client: AgentClient,
  signal: AbortSignal,
): Promise<{ input?: string; input_encoding?: "base64" }> {
  if (Deno.stdin.isTerminal()) return {};
  const { max_message_size_kb = DEFAULT_MESSAGE_KB } = await client.call("get_agent_info", {}, {
    signal,
  });
  // The other half of the message is for the command line.
  const most = base64Capacity(max_message_size_kb * 1024 / 2);
  const bytes = await readStdin(signal, most);
  if (bytes.byteLength === 0) return {};
  return { input: bytes.toBase64(), input_encoding: "base64" };
}
