/**
 * The channel on a unix socket that behaves as QEMU's: one host at a time, the next one waits.
 *
 * @module
 */

import { messageOf } from "../message_of.ts";
import { type Channel, ChannelError, type Connection } from "./channel.ts";

/** Neither group nor others: whoever can connect commands the agent. */
const SOCKET_UMASK = 0o177;

const ACCEPT_RETRY_MS = 100;

/**
 * Listens on a unix socket, readable and writable for its owner alone. A socket file that nobody
 * serves any more is replaced.
 *
 * @param path Absolute.
 * @throws {ChannelError} when somebody serves it, or the path is something else or not usable.
 */
export async function listenChannel(path: string): Promise<Channel> {
  await removeStale(path);
  const listener = bind(path);
  return {
    name: `listen:${path}`,
    async *connections() {
      for (;;) {
        const socket = await acceptUnlessClosed(listener);
        if (socket === undefined) return;
        yield fromSocket(socket);
      }
    },
    close: () => {
      try {
        listener.close();
        Deno.removeSync(path);
      } catch {
        // Closed already, or the file was removed by someone else.
      }
    },
  };
}

/** The next connection, or `undefined` once the listener has been closed. */
async function acceptUnlessClosed(listener: Deno.UnixListener): Promise<Deno.UnixConn | undefined> {
  for (;;) {
    try {
      return await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return undefined;
      }
      // Out of descriptors, or a host that was gone again: the next one may fare better.
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
    }
  }
}

function bind(path: string): Deno.UnixListener {
  // The mode must hold from the first moment on: bind(2) applies the umask.
  const umask = Deno.umask(SOCKET_UMASK);
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw new ChannelError(`cannot listen on ${path}: ${reasonOf(error)}`);
  } finally {
    Deno.umask(umask);
  }
}

async function removeStale(path: string): Promise<void> {
  const info = await lstatIfAny(path);
  if (info === undefined) return;
  if (!info.isSocket) throw new ChannelError(`${path} exists and is no socket; it is left alone`);
  if (await isServed(path)) {
    throw new ChannelError(`${path} is served by another process; stop it or choose another path`);
  }
  try {
    await Deno.remove(path);
  } catch (error) {
    throw new ChannelError(`cannot replace the unused socket ${path}: ${reasonOf(error)}`);
  }
}

async function lstatIfAny(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new ChannelError(`cannot look at ${path}: ${reasonOf(error)}`);
  }
}

async function isServed(path: string): Promise<boolean> {
  try {
    const probe = await Deno.connect({ transport: "unix", path });
    probe.close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw new ChannelError(`cannot tell whether ${path} is in use: ${reasonOf(error)}`);
  }
}

function fromSocket(socket: Deno.UnixConn): Connection {
  return {
    atEndOfFile: "over",
    read: (buffer) => socket.read(buffer),
    write: (bytes) => socket.write(bytes),
    close: () => {
      try {
        socket.close();
      } catch {
        // Closed already.
      }
    },
  };
}

/** Without Deno's advice about its flags: a compiled binary cannot be given any. */
const reasonOf = (error: unknown) =>
  error instanceof Deno.errors.NotCapable
    ? "this agent is confined and was not granted the socket; a compiled one serves stdio"
    : messageOf(error);
