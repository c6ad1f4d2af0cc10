/**
 * Prints why no socket can be created at a path, in a process with the permissions of its flags.
 *
 * @module
 */

import { printLine } from "../../../../lib/base/terminal.ts";
import { findStale, socketErrorReason } from "../../../../lib/platform/linux/unix_socket.ts";

const [path = ""] = Deno.args;
try {
  await findStale(path);
  Deno.listen({ transport: "unix", path }).close();
  printLine("no error");
} catch (error) {
  printLine(socketErrorReason(error, path));
}
