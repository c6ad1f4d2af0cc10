/**
 * The channel on a unix socket that behaves as QEMU's: one host at a time, the next one waits.
 *
 * @module
 */

import { closeQuietly } from "../../../base/close_quietly.ts";
import { ListenError } from "../../../channel/channel.ts";
import { acceptUnlessClosed, findStale, socketErrorReason } from "../unix_socket.ts";
import type { Channel, Connection } from "../../../channel/channel.ts";

/** Neither group nor others: whoever can connect controls the agent. */
const SOCKET_UMASK = 0o177;

/**
 * Listens on a unix socket that only its owner can read and write. A socket file that no process
 * serves any more is replaced.
 *
 * @param path Absolute.
 * @throws {ListenError} if another process serves it, the path is not a socket, or it cannot be
 * used.
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
        // Already closed, or another process has removed the file.
      }
    },
  };
}

function bind(path: string): Deno.UnixListener {
  // The mode must be right from the start: bind(2) applies the umask.
  const umask = Deno.umask(SOCKET_UMASK);
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw new ListenError(`cannot listen on ${path}: ${socketErrorReason(error, path)}`);
  } finally {
    Deno.umask(umask);
  }
}

async function removeStale(path: string): Promise<void> {
  if (await findStale(path) === undefined) return;
  try {
    await Deno.remove(path);
  } catch (error) {
    throw new ListenError(
      `cannot replace the unused socket ${path}: ${socketErrorReason(error, path)}`,
    );
  }
}

function fromSocket(socket: Deno.UnixConn): Connection {
  return {
    atEndOfFile: "over",
    read: (buffer) => socket.read(buffer),
    write: (bytes) => socket.write(bytes),
    close: () => closeQuietly(socket),
  };
}
