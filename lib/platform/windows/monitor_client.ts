/**
 * Sends a command to the running agent, as any other program would.
 *
 * @module
 */

import { messageOf } from "../../base/message_of.ts";
import { sleep } from "../../base/timer.ts";
import type { CommandAnswer } from "../../monitor/answer.ts";
import { askMonitor, noConnection } from "../ask_monitor.ts";
import { type Handle, isHandle } from "./ffi/handle.ts";
import { kernel32 } from "./ffi/kernel32.ts";
import { wide } from "./ffi/wide.ts";
import { ERROR, lastError, type WindowsError } from "./ffi/windows_error.ts";
import { OverlappedHandle } from "./overlapped.ts";
import { PipeConnection } from "./pipe.ts";

const GENERIC_READ_AND_WRITE = 0xc000_0000;
const OPEN_EXISTING = 3;
const FILE_FLAG_OVERLAPPED = 0x4000_0000;
/** SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION: whoever has the pipe may not act as us. */
const IDENTIFIED_ONLY = 0x0011_0000;
const PIPE_READMODE_MESSAGE = 0x2;
const TIMEOUT_MS = 60_000;
/** How long to try while all of the pipe's instances are taken, and how often. */
const BUSY_MS = { most: 5000, each: 50 } as const;

/**
 * Sends one command and returns its answer. If the connection fails, it returns an answer with
 * status 103 and a `Reason`, like other clients of the protocol.
 *
 * @param path The monitor's pipe.
 * @param request An object with a `Name` and the command's other members.
 */
export async function sendCommand(
  path: string,
  request: Readonly<Record<string, unknown>>,
): Promise<CommandAnswer> {
  const opened = await connect(path);
  if (!isConnected(opened)) return noConnection(`${path}: ${explain(opened)}`);
  kernel32.SetNamedPipeHandleState(opened, new Uint32Array([PIPE_READMODE_MESSAGE]), null, null);
  const pipe = new OverlappedHandle(opened);
  try {
    return await askMonitor(new PipeConnection(pipe), request, {
      timeoutMs: TIMEOUT_MS,
      explain: messageOf,
    });
  } finally {
    await pipe.close();
  }
}

const isConnected = (opened: Handle | WindowsError): opened is Handle => !(opened instanceof Error);

async function connect(path: string): Promise<Handle | WindowsError> {
  for (let waited = 0;; waited += BUSY_MS.each) {
    const handle = kernel32.CreateFileW(
      wide(path),
      GENERIC_READ_AND_WRITE,
      0,
      null,
      OPEN_EXISTING,
      FILE_FLAG_OVERLAPPED | IDENTIFIED_ONLY,
      null,
    );
    if (isHandle(handle)) return handle;
    const error = lastError("CreateFileW");
    if (error.code !== ERROR.PIPE_BUSY || waited >= BUSY_MS.most) return error;
    await sleep(BUSY_MS.each);
  }
}

function explain(error: WindowsError): string {
  if (error.code === ERROR.FILE_NOT_FOUND) return "no process serves this pipe";
  if (error.code === ERROR.ACCESS_DENIED) {
    return "permission denied; command_monitor.pipe_group says who may connect";
  }
  return error.message;
}
