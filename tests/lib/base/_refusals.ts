/**
 * Prints what messageOf() makes of Deno's refusals in a process without permissions.
 *
 * @module
 */

import { messageOf } from "../../../lib/base/message_of.ts";
import { printLine } from "../../../lib/base/terminal.ts";

const attempts: readonly (() => unknown)[] = [
  () => Deno.readTextFile("/etc/passwd"),
  () => Deno.writeTextFile("/etc/passwd", ""),
  () => Deno.connect({ transport: "unix", path: "/run/x.sock" }),
  () => Deno.listen({ transport: "unix", path: "/run/x.sock" }),
  () => Deno.open("/dev/null"),
  () => new Deno.Command("/bin/true").output(),
  () => new Deno.Command("/bin/true", { env: { LD_PRELOAD: "x" } }).output(),
  () => Deno.hostname(),
];
for (const attempt of attempts) {
  try {
    await attempt();
  } catch (error) {
    printLine(messageOf(error));
  }
}
