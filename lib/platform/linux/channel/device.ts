/**
 * The channel on a character device that the agent opens by itself: for those who run it with all
 * permissions, since Deno lets nobody else near /dev.
 *
 * A virtio port can be opened once, so one descriptor has to carry both directions. `Deno.FsFile`
 * does one thing after another: a write would wait for what the host sends next. `node:fs` does
 * not, and costs 9 MB of memory. The C library's own calls, each on a thread of its own, cost 1.5.
 *
 * @module
 */

import { Aborted, withTimer } from "../../../base/waiting.ts";
import type { Log } from "../../../log/logger.ts";
import { messageOf } from "../../../base/message_of.ts";

import { type Channel, ChannelError, type Connection } from "../../../channel/channel.ts";

/** open(2), read(2), write(2) and close(2), which return -1 where they fail. */
const CALLS = {
  open: { parameters: ["buffer", "i32"], result: "i32", nonblocking: true },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  close: { parameters: ["i32"], result: "i32", nonblocking: true },
} as const;

/** The C library's name with the GNU system, and with others. */
const LIBRARIES = ["libc.so.6", "libc.so"] as const;

// open(2): for reading and writing, never as the controlling terminal, closed in children.
const O_RDWR = 0o2;
const O_NOCTTY = 0o400;
const O_CLOEXEC = 0o2000000;

type Library = Deno.DynamicLibrary<typeof CALLS>["symbols"];

const PERMISSIONS = ["read", "write", "run", "env", "net", "sys", "ffi"] as const;

/**
 * A channel that opens the device, and again `retryMs` after it was lost or could not be opened.
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
  const closing = new AbortController();
  const pause = async () => {
    const closed = new Aborted(closing.signal);
    using _closed = closed;
    await withTimer(retryMs, closed.happened);
  };
  return {
    name: `device:${path}`,
    async *connections() {
      let lastReason: string | undefined;
      while (!closing.signal.aborted) {
        const opened = await open(library, path);
        if (typeof opened === "number") {
          lastReason = undefined;
          yield fromDescriptor(library, opened);
        } else if (opened !== lastReason) {
          // Once, not every few seconds for as long as the port is away.
          log.warn("the device cannot be opened, it is tried again and again", {
            device: path,
            reason: opened,
            retry_seconds: retryMs / 1000,
          });
          lastReason = opened;
        }
        await pause();
      }
    },
    close: () => closing.abort(),
  };
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

/** The descriptor, or why there is none. */
async function open(library: Library, path: string): Promise<number | string> {
  const reason = await whyNot(path);
  if (reason !== undefined) return reason;
  const name = new TextEncoder().encode(`${path}\0`);
  const descriptor = await library.open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return descriptor >= 0 ? descriptor : await whyNotOpen(path);
}

/** A plain file would be read to its end for ever, and what is not there need not be opened. */
async function whyNot(path: string): Promise<string | undefined> {
  try {
    const { isCharDevice } = await Deno.stat(path);
    return isCharDevice ? undefined : "it is no character device";
  } catch (error) {
    return messageOf(error);
  }
}

/** errno is another thread's; the same attempt through Deno tells it. */
async function whyNotOpen(path: string): Promise<string> {
  try {
    const file = await Deno.open(path, { read: true, write: true });
    file.close();
    return "it could not be opened for a moment";
  } catch (error) {
    return messageOf(error);
  }
}

function fromDescriptor(library: Library, descriptor: number): Connection {
  let isOpen = true;
  /** How many bytes a call moved. */
  const moved = (result: bigint, what: string): number => {
    if (result >= 0n) return Number(result);
    throw new Error(`the device is gone: ${what} failed`);
  };
  return {
    // As a virtio port tells it whose host side is closed.
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
      // The number may be another file's by the second time.
      if (isOpen) void library.close(descriptor);
      isOpen = false;
    },
  };
}

/** The same bytes as the type that a call takes: they are never shared between threads of ours. */
function asOwned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset, byteLength);
  throw new TypeError("a shared buffer");
}
