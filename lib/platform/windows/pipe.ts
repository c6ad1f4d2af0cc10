/**
 * One end of a named pipe of messages.
 *
 * @module
 */

import type { CommandConnection } from "../../monitor/listener.ts";
import { STATUS } from "./ffi/ntdll.ts";
import { WindowsError } from "./ffi/windows_error.ts";
import type { OverlappedHandle } from "./overlapped.ts";

/** How a pipe says that its other end has gone. */
const GONE: readonly number[] = [
  STATUS.END_OF_FILE,
  STATUS.PIPE_BROKEN,
  STATUS.PIPE_CLOSING,
  STATUS.PIPE_DISCONNECTED,
  STATUS.CANCELLED,
];
const NOTHING = new Uint8Array(0);

/** A connection over a named pipe. A message of no bytes is the end of what is sent. */
export class PipeConnection implements CommandConnection {
  readonly #pipe: OverlappedHandle;

  constructor(pipe: OverlappedHandle) {
    this.#pipe = pipe;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const { status, bytes } = await this.#pipe.read(buffer);
    // With the second, the message goes on.
    if (status === STATUS.SUCCESS || status === STATUS.BUFFER_OVERFLOW) return bytes || null;
    if (GONE.includes(status)) return null;
    throw new WindowsError("NtReadFile", status);
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { status, bytes: written } = await this.#pipe.write(bytes);
    if (status === STATUS.SUCCESS) return written;
    if (GONE.includes(status)) {
      throw new Deno.errors.BrokenPipe("the other end of the pipe is gone");
    }
    throw new WindowsError("NtWriteFile", status);
  }

  async closeWrite(): Promise<void> {
    await this.#pipe.write(NOTHING);
  }

  close(): void {
    void this.#pipe.close();
  }
}
