/**
 * The daemon's sockets: its own, and those that the service manager opened for it.
 *
 * @module
 */

import type { Server, Socket } from "node:net";
import { UsageError } from "../../lib/base/command_line.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import type { ClientConnection } from "./session.ts";

/** The rights of a socket: its owner and its group. */
const SOCKET_UMASK = 0o117;

/** Something that clients connect to. */
export interface Listener {
  /** For a person. */
  readonly name: string;
  /** Closes it; a socket of our own is removed. */
  close(): Promise<void>;
}

/** Called with each client. */
export type OnClient = (connection: ClientConnection) => void;

/**
 * Listens on a unix socket, which only its owner and its group may use. One that a killed daemon left
 * is replaced.
 *
 * @throws {UsageError} if another daemon listens on it, or it is something else.
 * @throws {Error} with the path, if it cannot be used.
 */
export async function listenAt(path: string, onClient: OnClient): Promise<Listener> {
  await removeStale(path);
  const before = Deno.umask(SOCKET_UMASK);
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw new Error(`cannot listen on ${path}: ${messageOf(error)}`);
  } finally {
    Deno.umask(before);
  }
  void accept(listener, onClient);
  return {
    name: path,
    async close() {
      listener.close();
      try {
        await Deno.remove(path);
      } catch {
        // Removed by someone else.
      }
    },
  };
}

async function accept(listener: Deno.UnixListener, onClient: OnClient): Promise<void> {
  for (;;) {
    try {
      onClient(await listener.accept());
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      // Out of descriptors (accept(2), EMFILE): those who are connected go on.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function removeStale(path: string): Promise<void> {
  let found: Deno.FileInfo;
  try {
    found = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new Error(`cannot listen on ${path}: ${messageOf(error)}`);
  }
  if (found.isSocket !== true) throw new UsageError(`${path} exists and is not a socket`);
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch {
    return await Deno.remove(path);
  }
  throw new UsageError(`another program listens on ${path}`);
}

/**
 * Listens on a socket that the service manager opened (sd_listen_fds(3)). Deno itself adopts no
 * descriptor; its Node API does.
 */
export async function listenOn(descriptor: number, onClient: OnClient): Promise<Listener> {
  const { createServer } = await import("node:net");
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.on("connection", (socket) => onClient(new NodeConnection(socket)));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ fd: descriptor }, resolve);
  await promise;
  return {
    name: `descriptor ${descriptor}`,
    // Resolves at once: its clients are not the listener's.
    async close() {
      await Promise.resolve(server.close());
    },
  };
}

/** A socket of Node's API, read and written like one of Deno's. */
class NodeConnection implements ClientConnection {
  readonly #socket: Socket;
  #rest: Uint8Array | undefined;
  readonly #chunks: AsyncIterator<Uint8Array>;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Writes fail with it, too.
    socket.on("error", () => {});
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#rest === undefined) {
      const { value, done } = await this.#chunks.next();
      if (done === true) return null;
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, buffer.byteLength);
    buffer.set(part);
    const left = this.#rest.subarray(part.byteLength);
    this.#rest = left.byteLength > 0 ? left : undefined;
    return part.byteLength;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (bytes.byteLength === 0) return Promise.resolve(0);
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.byteLength));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
