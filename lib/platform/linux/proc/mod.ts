/**
 * The processes of a Linux guest.
 *
 * @module
 */

import { commandFailed, invalidParams, notFound, permissionDenied } from "../../../base/errors.ts";
import type { ProcessSignal } from "../../../policy/process_signals.ts";
import type {
  Processes,
  ProcessIdentity,
  ProcessPage,
  ProcessQuery,
} from "../../../guest/processes.ts";
import { runScript } from "../shell.ts";
import { parseArguments, parsePage } from "./parse.ts";
import { ARGUMENT_BYTES, LIST_ARGUMENTS, LIST_PROCESSES, SEND_SIGNAL } from "./scripts.ts";

const TIMEOUT_MS = 20_000;
/** One page with command lines: reading each takes a process. */
const MAX_WITH_ARGUMENTS = 100;
const CURSOR_REGEXP = /^-?\d{1,18}:\d{1,10}$/;
const FIRST_PROCESS = 1;

/** The processes, as /proc describes them. */
export class LinuxProcesses implements Processes {
  async list(query: ProcessQuery): Promise<ProcessPage> {
    const { cursor = "", order, withArguments, signal } = query;
    if (cursor !== "" && !CURSOR_REGEXP.test(cursor)) {
      throw invalidParams("cursor must be one that process_list returned", { params: ["cursor"] });
    }
    const limit = withArguments ? Math.min(query.limit, MAX_WITH_ARGUMENTS) : query.limit;
    const text = await runScript({
      code: LIST_PROCESSES,
      args: [
        order,
        query.pid === undefined ? "" : String(query.pid),
        query.user ?? "",
        query.name ?? "",
        cursor,
        String(limit + 1),
      ],
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    const { processes, total } = parsePage(text);
    const page = processes.slice(0, limit);
    const hasMore = processes.length > limit;
    if (!withArguments || page.length === 0) return { processes: page, total, hasMore };
    const lines = parseArguments(
      await runScript({
        code: LIST_ARGUMENTS,
        args: page.map(({ pid }) => String(pid)),
        timeoutMs: TIMEOUT_MS,
        signal,
      }),
      ARGUMENT_BYTES,
    );
    return {
      processes: page.map((process) => ({ ...process, ...lines.get(process.pid) })),
      total,
      hasMore,
    };
  }

  async send(
    { pid, startTicks }: ProcessIdentity,
    signal: ProcessSignal,
    abort: AbortSignal,
  ): Promise<"sent" | "foreign"> {
    if (pid === FIRST_PROCESS) {
      throw permissionDenied("process 1 keeps the guest running; shutdown and reboot end it", {
        pid,
      });
    }
    const answer = await runScript({
      code: SEND_SIGNAL,
      args: [String(pid), String(startTicks), signal.slice("SIG".length)],
      timeoutMs: TIMEOUT_MS,
      signal: abort,
    });
    const outcome = answer.trim();
    switch (outcome) {
      case "sent":
        return "sent";
      case "kernel":
        return "foreign";
      case "gone":
        throw notFound(`process ${pid} that started at tick ${startTicks} has ended`, { pid });
      case "agent":
        throw permissionDenied(
          `process ${pid} is the agent itself or the program that keeps it running`,
          { pid },
        );
      default:
        throw commandFailed(`process ${pid} cannot be signalled`, { pid });
    }
  }
}
