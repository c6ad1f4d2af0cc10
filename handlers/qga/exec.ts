/**
 * guest-exec and guest-exec-status.
 *
 * @module
 */

import * as z from "zod";
import { invalidParams, toRpcError } from "../../lib/base/errors.ts";
import type { Method } from "../../lib/core/method.ts";
import type { CapturedOutput } from "../../lib/guest/commands.ts";
import { checkEnvironment, findProgram } from "../../lib/policy/commands.ts";
import { decodeBase64 } from "./_base64.ts";
import { qgaCommand } from "./_command.ts";
import type { Ended, Processes } from "./_processes.ts";

/** What a shell says of a program that it could not run. */
const NOT_RUN_EXIT_CODE = 127;
/** What a shell adds to the number of the signal that killed a program. */
const SIGNAL_BASE = 128;

/** The most that Linux passes to a program as one argument (MAX_ARG_STRLEN). */
const MAX_CHARACTERS = 128 * 1024;

const Text = z.string().check(
  z.refine((text) => text.length < MAX_CHARACTERS, `must be shorter than ${MAX_CHARACTERS}`),
  z.refine((text) => !text.includes("\0"), "must not contain NUL"),
);

/** The commands on a table of processes. */
export const execCommands = (processes: Processes): readonly Method[] => [
  qgaCommand({
    name: "guest-exec",
    summary: "Starts a program",
    params: z.strictObject({
      path: Text,
      arg: z._default(z.array(Text), []),
      env: z.optional(z.array(Text)),
      "input-data": z.optional(z.string()),
      "capture-output": z._default(
        z.union([z.boolean(), z.enum(["none", "stdout", "stderr", "separated", "merged"])]),
        false,
      ),
    }),
    access: "exec",
    audited: true,
    target: ({ path }) => ({ command: path }),
    disabled: ({ config }) =>
      config.security.command_whitelist?.length === 0
        ? "security.command_whitelist is empty, so no program may be run"
        : undefined,
    run: async (params, { config: { security }, guest: { commands } }) => {
      const env = params.env && readEnvironment(params.env);
      if (env !== undefined) checkEnvironment(env, security);
      const input = params["input-data"];
      const capture = params["capture-output"];
      const pid = await processes.start(commands, {
        program: findProgram(params.path, security.command_whitelist, commands),
        args: params.arg,
        workingDirectory: "/",
        env: env ?? await commands.baseEnvironment(),
        ...(input === undefined ? {} : { input: decodeBase64(input, "input-data") }),
        isCaptured: capture !== false && capture !== "none",
        mergesOutput: capture === "merged",
        keeps: capture === "stdout" || capture === "stderr" ? capture : undefined,
        timeoutMs: security.max_command_timeout_seconds * 1000,
      });
      return { pid };
    },
  }),
  qgaCommand({
    name: "guest-exec-status",
    summary: "How a program ended and what it printed; the first such answer forgets it",
    params: z.strictObject({ pid: z.int() }),
    access: "exec",
    audited: false,
    run: ({ pid }) => {
      const ended = processes.take(pid);
      return ended === undefined ? { exited: false } : report(ended);
    },
  }),
];

function readEnvironment(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(lines.map((line, index) => {
    const end = line.indexOf("=");
    if (end > 0) return [line.slice(0, end), line.slice(end + 1)];
    throw invalidParams(`Parameter 'env[${index}]' must be NAME=VALUE`);
  }));
}

function report(ended: Ended): Record<string, unknown> {
  if ("failure" in ended) {
    const reason = toRpcError(ended.failure)?.message ?? "a fault of the agent";
    const text = new TextEncoder().encode(`${reason}\n`);
    return { exited: true, exitcode: NOT_RUN_EXIT_CODE, "err-data": text.toBase64() };
  }
  const { code, signal, stdout, stderr } = ended.result;
  return {
    exited: true,
    ...(signal === null ? { exitcode: code } : { signal: code - SIGNAL_BASE }),
    ...output("out", stdout),
    ...output("err", stderr),
  };
}

/** Absent if nothing was printed. */
function output(stream: "out" | "err", { bytes, truncated }: CapturedOutput) {
  if (bytes.byteLength === 0) return {};
  return {
    [`${stream}-data`]: bytes.toBase64(),
    [`${stream}-truncated`]: truncated,
  };
}
