/**
 * Messages to the service manager (sd_notify(3)).
 *
 * @module
 */

const encoder = new TextEncoder();

/** A way to send messages to the service manager. */
export interface NotifySocket {
  /** @throws {Error} of the kernel, if the service manager cannot be reached. */
  send(message: string): Promise<void>;
  close(): void;
}

/**
 * Opens a socket to send from: Deno sends datagrams from a socket that has a path.
 *
 * @param target The path in `NOTIFY_SOCKET`.
 * @param ownPath Where to bind our own end; what a killed process left there is removed.
 * @throws {Error} of the kernel, if it cannot be created.
 */
export function openNotifySocket(target: string, ownPath: string): NotifySocket {
  removeIfPresent(ownPath);
  const connection = Deno.listenDatagram({ transport: "unixpacket", path: ownPath });
  return {
    async send(message) {
      await connection.send(encoder.encode(message), { transport: "unixpacket", path: target });
    },
    close: () => connection.close(),
  };
}

function removeIfPresent(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
