/**
 * A refused call of Windows, as an error.
 *
 * @module
 */

import { kernel32 } from "./kernel32.ts";
import { fromWide } from "./wide.ts";

const FORMAT_MESSAGE_FROM_SYSTEM = 0x1000;
const FORMAT_MESSAGE_IGNORE_INSERTS = 0x200;
/** Texts of the system are English for us, since they end up in the log and at the host. */
const ENGLISH = 0x0409;
const ANY_LANGUAGE = 0;
const MESSAGE_UNITS = 512;

/** System error codes that the agent tells apart (winerror.h). */
export const ERROR = {
  FILE_NOT_FOUND: 2,
  PATH_NOT_FOUND: 3,
  ACCESS_DENIED: 5,
  INVALID_HANDLE: 6,
  NO_MORE_FILES: 18,
  SHARING_VIOLATION: 32,
  FILE_EXISTS: 80,
  INVALID_PARAMETER: 87,
  BROKEN_PIPE: 109,
  BUFFER_OVERFLOW: 111,
  INSUFFICIENT_BUFFER: 122,
  DIR_NOT_EMPTY: 145,
  ALREADY_EXISTS: 183,
  PIPE_BUSY: 231,
  NO_DATA: 232,
  PIPE_NOT_CONNECTED: 233,
  MORE_DATA: 234,
  NO_MORE_ITEMS: 259,
  PIPE_CONNECTED: 535,
  OPERATION_ABORTED: 995,
  IO_PENDING: 997,
} as const;

/** A call that Windows refused. */
export class WindowsError extends Error {
  override readonly name = "WindowsError";

  /**
   * @param call The documented name of the function.
   * @param code The system error code, such as {@link ERROR}.FILE_NOT_FOUND.
   */
  constructor(readonly call: string, readonly code: number) {
    super(`${describe(code)} (${call}: error ${code})`);
  }
}

/** The error of the call that this thread made last. Only after a call that waits for nothing. */
export function lastError(call: string): WindowsError {
  return new WindowsError(call, kernel32.GetLastError());
}

/** What the system says about an error, without the full stop: "Access denied". */
function describe(code: number): string {
  const text = new Uint16Array(MESSAGE_UNITS);
  const flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
  for (const language of [ENGLISH, ANY_LANGUAGE]) {
    const length = kernel32.FormatMessageW(flags, null, code, language, text, text.length, null);
    if (length > 0) return fromWide(text.subarray(0, length)).trim().replace(/\.$/, "");
  }
  return "unknown error";
}
