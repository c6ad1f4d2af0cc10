/**
 * The channel on standard input and output: a virtio port handed over by the service manager.
 *
 * End of file means that no host is connected, as a virtio port reports it; the channel stays open.
 * It is over when reading or writing fails (the port was unplugged, the pipe has no reader).
 *
 * @module
 */

import type { Channel, Connection } from "../../../channel/channel.ts";

const CONNECTION: Connection = {
  atEndOfFile: "host away",
  read: (buffer) => Deno.stdin.read(buffer),
  // A second file besides the one for reading: with one for both, a write would wait until the host
  // sends something.
  write: (bytes) => Deno.stdout.write(bytes),
  // A blocked read or write cannot be cancelled; the process exits instead.
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
