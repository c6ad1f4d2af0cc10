/**
 * The channel on a virtio-serial port, which the agent opens itself.
 *
 * The port says neither that its host has gone, nor that another has come: a read that waits goes on
 * to wait and serves the next host. So the driver is asked now and then, and when a host has gone
 * the read ends as if the port had said so, as it does on Linux.
 *
 * Source: vioserial/sys of kvm-guest-drivers-windows.
 *
 * @module
 */

import { sleep, Timer } from "../../../base/timer.ts";
import type { Channel, Connection } from "../../../channel/channel.ts";
import type { Log } from "../../../log/logger.ts";
import { reopeningChannel } from "../../channel/reopening.ts";
import { type Handle, isHandle } from "../ffi/handle.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { STATUS } from "../ffi/ntdll.ts";
import { wide } from "../ffi/wide.ts";
import { ERROR, lastError, type WindowsError } from "../ffi/windows_error.ts";
import { OverlappedHandle, type Transfer } from "../overlapped.ts";

const GENERIC_READ_AND_WRITE = 0xc000_0000;
const OPEN_EXISTING = 3;
const FILE_FLAG_OVERLAPPED = 0x4000_0000;
/** COMMTIMEOUTS with which a serial port returns what has arrived, as qemu-ga sets them. */
const AT_ONCE = new Uint32Array([1, 0, 0, 0, 0]);
/** `IOCTL_GET_INFORMATION`: u32 id, u8 queue full, u8 host connected, u8 guest connected, name. */
const IOCTL_GET_INFORMATION = 0x0022_2002;
const INFORMATION_BYTES = 256;
const HOST_CONNECTED_OFFSET = 5;
/** The size of OVERLAPPED, which every request on such a handle has to give. */
const OVERLAPPED_BYTES = 32;
/** The driver takes no more than 128 pages at once. */
const WRITE_BYTES = 64 * 1024;
/** How often the driver is asked for its host while a read waits. */
const LOOK_MS = 250;
/** How long to wait before writing again: first, and at most. */
const RETRY_MS = { first: 5, most: 250 } as const;

/** The port that the driver makes for a channel of this name. */
export const portPath = (channelName: string): string => `\\\\.\\Global\\${channelName}`;

/** A channel that opens the port, and opens it again `retryMs` after it was lost. */
export function portChannel(path: string, retryMs: number, log: Log): Channel {
  return reopeningChannel({ path, open: () => Promise.resolve(open(path)) }, retryMs, log);
}

/** Opens a port for reading and writing at the same time; the error says why it cannot be opened. */
export function openPort(path: string): OverlappedHandle | WindowsError {
  const handle = kernel32.CreateFileW(
    wide(path),
    GENERIC_READ_AND_WRITE,
    0,
    null,
    OPEN_EXISTING,
    FILE_FLAG_OVERLAPPED,
    null,
  );
  if (!isHandle(handle)) return lastError("CreateFileW");
  // Refused, harmlessly, by anything that is not a serial port.
  kernel32.SetCommTimeouts(handle, AT_ONCE);
  return new OverlappedHandle(handle);
}

/** Whether a port could not be opened because there is none. */
export const isMissing = ({ code }: WindowsError): boolean =>
  code === ERROR.FILE_NOT_FOUND || code === ERROR.PATH_NOT_FOUND;

/** The connection, or the reason for the failure. */
function open(path: string): Connection | string {
  const port = openPort(path);
  if (port instanceof OverlappedHandle) return new Port(port);
  return isMissing(port)
    ? "there is no such port; has the guest a virtio-serial driver, and the machine this channel?"
    : port.message;
}

/** Whether a host is connected; `undefined` if the port cannot tell, since it is another device. */
export function hasHost(handle: Handle): boolean | undefined {
  const information = new Uint8Array(INFORMATION_BYTES);
  const returned = new Uint32Array(1);
  const isKnown = kernel32.DeviceIoControl(
    handle,
    IOCTL_GET_INFORMATION,
    null,
    0,
    information,
    information.byteLength,
    returned,
    new Uint8Array(OVERLAPPED_BYTES),
  );
  return isKnown === 0 ? undefined : information[HOST_CONNECTED_OFFSET] !== 0;
}

/** What a port's connection needs of its handle. */
type PortHandle = Pick<OverlappedHandle, "handle" | "read" | "write" | "cancel" | "close">;

/** The connection over an open port. */
export class Port implements Connection {
  readonly atEndOfFile = "host away";
  readonly #port: PortHandle;
  readonly #knowsItsHost: boolean;
  #isReading = false;
  #isClosed = false;

  constructor(port: PortHandle) {
    this.#port = port;
    this.#knowsItsHost = hasHost(port.handle) !== undefined;
    if (this.#knowsItsHost) this.#watchHost();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#isAway()) return null;
    this.#isReading = true;
    const { status, bytes } = await this.#readSome(buffer);
    this.#isReading = false;
    if (status === STATUS.SUCCESS || status === STATUS.TIMEOUT) return bytes || null;
    // No host, and nothing that the last one sent; or the host has gone.
    if (status === STATUS.INSUFFICIENT_RESOURCES) return null;
    if (status === STATUS.CANCELLED && !this.#isClosed) return null;
    throw gone("reading", status);
  }

  async write(bytes: Uint8Array): Promise<number> {
    const piece = bytes.subarray(0, WRITE_BYTES);
    for (let waitMs: number = RETRY_MS.first;; waitMs = Math.min(2 * waitMs, RETRY_MS.most)) {
      const { status, bytes: written } = await this.#port.write(piece);
      if (status === STATUS.SUCCESS) return written;
      // The host is away, or does not read.
      if (status !== STATUS.CANT_WAIT || this.#isClosed) throw gone("writing", status);
      await sleep(waitMs);
    }
  }

  close(): void {
    this.#isClosed = true;
    void this.#port.close();
  }

  /**
   * A serial port also ends a read because no further byte has come for a while (COMMTIMEOUTS): with
   * what had come until then, which may be nothing.
   */
  async #readSome(buffer: Uint8Array): Promise<Transfer> {
    for (;;) {
      const transfer = await this.#port.read(buffer);
      if (transfer.status !== STATUS.TIMEOUT || transfer.bytes > 0) return transfer;
    }
  }

  #isAway(): boolean {
    return this.#knowsItsHost && hasHost(this.#port.handle) === false;
  }

  /** Ends the read that waits when the host goes. */
  #watchHost(): void {
    if (this.#isClosed) return;
    if (this.#isReading && this.#isAway()) this.#port.cancel();
    new Timer(LOOK_MS, () => this.#watchHost());
  }
}

const gone = (what: string, status: number) =>
  new Error(`the port is gone: ${what} failed with status 0x${status.toString(16)}`);
