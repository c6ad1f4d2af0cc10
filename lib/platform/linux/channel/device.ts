/**
 * The channel on a character device that the agent opens itself. It needs all of Deno's
 * permissions, since Deno allows no other access to /dev.
 *
 * A virtio port can be opened only once, so one descriptor has to carry both directions.
 * `Deno.FsFile` does one operation at a time: a write would wait until the host sends something.
 * `node:fs` can do both at once but takes 9 MB of memory. The C library's functions, each on a
 * separate thread, take 1.5 MB.
 *
 * @module
 */

import type { Log } from "../../../log/logger.ts";
import { messageOf } from "../../../base/message_of.ts";
import { type Channel, ChannelError, type Connection } from "../../../channel/channel.ts";
import { reopeningChannel } from "../../channel/reopening.ts";

/** open(2), read(2), write(2) and close(2), which return -1 on failure. */
const CALLS = {
  open: { parameters: ["buffer", "i32"], result: "i32", nonblocking: true },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  close: { parameters: ["i32"], result: "i32", nonblocking: true },
} as const;

/** The C library's name on GNU systems, and on others. */
const LIBRARIES = ["libc.so.6", "libc.so"] as const;

// open(2): for reading and writing, never as the controlling terminal, closed in children.
const O_RDWR = 0o2;
const O_NOCTTY = 0o400;
const O_CLOEXEC = 0o2000000;

type Library = Deno.DynamicLibrary<typeof CALLS>["symbols"];

const PERMISSIONS = ["read", "write", "run", "env", "net", "sys", "ffi"] as const;

/**
 * A channel that opens the device, and opens it again `retryMs` after it was lost or could not be
 * opened.
 *
 * @throws {ChannelError} without all of Deno's permissions.
 */
export function deviceChannel(path: string, retryMs: number, log: Log): Channel {
  const missing = PERMISSIONS.filter((name) =>
    Deno.permissions.querySync({ name }).state !== "granted"
  );
  if (missing.length > 0) {
    throw new ChannelError(
      `--channel device: needs all of Deno's permissions, and this agent has not all of ` +
        `${missing.join(", ")}; without --channel the shell opens the port for it`,
    );
  }
  const library = loadLibrary();
  const openAgain = async () => {
    const opened = await open(library, path);
    return typeof opened === "number" ? fromDescriptor(library, opened) : opened;
  };
  return reopeningChannel({ path, open: openAgain }, retryMs, log);
}

function loadLibrary(): Library {
  let reason = "";
  for (const name of LIBRARIES) {
    try {
      return Deno.dlopen(name, CALLS).symbols;
    } catch (error) {
      reason = messageOf(error);
    }
  }
  throw new ChannelError(`--channel device: cannot use the C library: ${reason}`);
}

/** The descriptor, or the reason for the failure. */
async function open(library: Library, path: string): Promise<number | string> {
  const reason = await whyNot(path);
  if (reason !== undefined) return reason;
  const name = new TextEncoder().encode(`${path}\0`);
  const descriptor = await library.open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return descriptor >= 0 ? descriptor : await whyNotOpen(path);
}

/** A regular file would report end of file forever. A missing device need not be opened. */
async function whyNot(path: string): Promise<string | undefined> {
  try {
    const { isCharDevice } = await Deno.stat(path);
    return isCharDevice ? undefined : "it is not a character device";
  } catch (error) {
    return messageOf(error);
  }
}

/** errno belongs to another thread; trying again through Deno reports the error. */
async function whyNotOpen(path: string): Promise<string> {
  try {
    const file = await Deno.open(path, { read: true, write: true });
    file.close();
    return "it was temporarily unavailable";
  } catch (error) {
    return messageOf(error);
  }
}

function fromDescriptor(library: Library, descriptor: number): Connection {
  let isOpen = true;
  /** The number of bytes that a call transferred. */
  const moved = (result: bigint, what: string): number => {
    if (result >= 0n) return Number(result);
    throw new Error(`the device is gone: ${what} failed`);
  };
  return {
    // A virtio port reports this way that its host side is closed.
    atEndOfFile: "host away",
    read: async (buffer) => {
      const length = BigInt(buffer.byteLength);
      return moved(await library.read(descriptor, asOwned(buffer), length), "read") || null;
    },
    write: async (bytes) => {
      const length = BigInt(bytes.byteLength);
      return moved(await library.write(descriptor, asOwned(bytes), length), "write");
    },
    close: () => {
      // After the first close the number may belong to another file.
      if (isOpen) void library.close(descriptor);
      isOpen = false;
    },
  };
}

/** The same bytes as the type that a call takes: the agent never shares them between threads. */
function asOwned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset, byteLength);
  throw new TypeError("a shared buffer");
}
