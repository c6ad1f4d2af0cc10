/**
 * A handle that reads and writes at the same time.
 *
 * Requests are made here, on the thread that stays, and only waited for on others: Windows cancels
 * what a thread has asked for when that thread ends, and Deno's threads for calls come and go. One
 * such thread is held for each request that waits.
 *
 * @module
 */

import { type Handle, isHandle } from "./ffi/handle.ts";
import { kernel32 } from "./ffi/kernel32.ts";
import { ntdll, STATUS } from "./ffi/ntdll.ts";
import { ERROR, lastError } from "./ffi/windows_error.ts";

const INFINITE = 0xffff_ffff;
/** Where IO_STATUS_BLOCK has the status and the number of bytes, as 32-bit words. */
const STATUS_WORD = 0;
const BYTES_WORD = 2;
const IO_STATUS_WORDS = 4;
/** The size of OVERLAPPED as 64-bit words, and where its event is. */
const OVERLAPPED_WORDS = 4;
const EVENT_WORD = 3;

/** How a request ended. */
export interface Transfer {
  /** An NTSTATUS. */
  readonly status: number;
  readonly bytes: number;
}

type Call = "NtReadFile" | "NtWriteFile";

/** A file, pipe or device that was opened with `FILE_FLAG_OVERLAPPED`. */
export class OverlappedHandle {
  readonly handle: Handle;
  readonly #events: Readonly<Record<Call, Handle>>;
  readonly #waiting = new Set<Promise<unknown>>();
  #isClosed = false;

  /**
   * @param handle Owned from now on.
   * @throws {WindowsError} if there are no resources for waiting.
   */
  constructor(handle: Handle) {
    this.handle = handle;
    this.#events = { NtReadFile: newEvent(), NtWriteFile: newEvent() };
  }

  /** Reads some bytes. One read at a time. */
  async read(buffer: Uint8Array): Promise<Transfer> {
    return await this.#transfer("NtReadFile", buffer);
  }

  /** Writes some bytes. One write at a time. */
  async write(bytes: Uint8Array): Promise<Transfer> {
    return await this.#transfer("NtWriteFile", bytes);
  }

  /**
   * Waits for a client of a named pipe.
   *
   * @returns An NTSTATUS.
   */
  async acceptClient(): Promise<number> {
    const overlapped = new BigUint64Array(OVERLAPPED_WORDS);
    const event = this.#events.NtReadFile;
    overlapped[EVENT_WORD] = Deno.UnsafePointer.value(event);
    if (kernel32.ConnectNamedPipe(this.handle, overlapped) !== 0) return STATUS.SUCCESS;
    const { code } = lastError("ConnectNamedPipe");
    // The client was faster.
    if (code === ERROR.PIPE_CONNECTED) return STATUS.SUCCESS;
    if (code !== ERROR.IO_PENDING) return STATUS.PIPE_BROKEN;
    return await this.#waitFor(event, () => Number(overlapped[0]));
  }

  /** Ends requests that wait, as {@link STATUS}.CANCELLED. */
  cancel(): void {
    if (!this.#isClosed) kernel32.CancelIoEx(this.handle, null);
  }

  /** Ends requests that wait, and closes the handle after them. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.cancel();
    this.#isClosed = true;
    await Promise.all(this.#waiting);
    kernel32.CloseHandle(this.handle);
    for (const event of Object.values(this.#events)) kernel32.CloseHandle(event);
  }

  async #transfer(call: Call, bytes: Uint8Array): Promise<Transfer> {
    if (this.#isClosed) return { status: STATUS.CANCELLED, bytes: 0 };
    const event = this.#events[call];
    const lent = asOwned(bytes);
    const result = new Uint32Array(IO_STATUS_WORDS);
    const offset = new BigInt64Array(1);
    const status = ntdll[call](
      this.handle,
      event,
      null,
      null,
      result,
      lent,
      lent.byteLength,
      offset,
      null,
    );
    if (status !== STATUS.PENDING) return { status, bytes: result[BYTES_WORD] ?? 0 };
    // The kernel writes to these while the request waits: the closure keeps them.
    return await this.#waitFor(event, () => ({
      status: result[STATUS_WORD] ?? 0,
      bytes: lent.byteLength === 0 ? 0 : result[BYTES_WORD] ?? 0,
    }));
  }

  /** @param outcome Reads it, and keeps the memory that the kernel writes to. */
  async #waitFor<Outcome>(event: Handle, outcome: () => Outcome): Promise<Outcome> {
    const waiting = kernel32.WaitForSingleObject(event, INFINITE).then(outcome);
    this.#waiting.add(waiting);
    try {
      return await waiting;
    } finally {
      this.#waiting.delete(waiting);
    }
  }
}

function newEvent(): Handle {
  const event = kernel32.CreateEventW(null, 1, 0, null);
  if (!isHandle(event)) throw lastError("CreateEventW");
  return event;
}

/** The same bytes as the type that a call takes: the agent never shares them between threads. */
function asOwned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset, byteLength);
  throw new TypeError("a shared buffer");
}
