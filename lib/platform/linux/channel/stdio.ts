/**
 * The channel on standard input and output: a virtio port handed over by the service manager.
 *
 * End of file means that no host is connected, as the port tells it; it is never the end. The
 * channel is over when reading or writing fails (the port was unplugged, the pipe has no reader).
 *
 * @module
 */

import type { Channel, Connection } from "../../../channel/channel.ts";

const CONNECTION: Connection = {
  atEndOfFile: "host away",
  read: (buffer) => Deno.stdin.read(buffer),
  // Of its own beside the read: one file for both would let a write wait for what the host sends.
  write: (bytes) => Deno.stdout.write(bytes),
  // A parked read or write cannot be taken back; the process ends instead.
  close: () => {},
};

/** Standard input and output as a channel with one connection. */
export function stdioChannel(): Channel {
  return {
    name: "stdio",
    async *connections() {
      yield await Promise.resolve(CONNECTION);
    },
    close: () => {},
  };
}
