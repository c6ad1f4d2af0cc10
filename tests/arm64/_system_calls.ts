/**
 * Run by the arm64 runtime: the system calls that the broker makes through the C library.
 *
 * _system_calls.ts LIBC PID FILE
 *
 * @module
 */

import { loadFreezeCalls } from "../../lib/platform/linux/privileged/libc.ts";
import { textOfPaths } from "../../lib/platform/linux/privileged/path_text.ts";
import { holdProcess } from "../../lib/platform/linux/privileged/signals.ts";
import { printLine } from "../../lib/base/terminal.ts";

const [libc = "", pid = "", file = ""] = Deno.args;

const held = holdProcess(Number(pid), libc);
const isSent = held?.send("SIGUSR1");
held?.[Symbol.dispose]();

const calls = loadFreezeCalls(libc);
const open = (path: string) => calls.open(textOfPaths(new TextEncoder().encode(path)));
const fd = open(file);
// fdinfo has the flags that the kernel understood.
const { 1: flags = "" } = /^flags:\s+(\d+)$/m.exec(
  await Deno.readTextFile(`/proc/self/fdinfo/${fd}`),
) ?? [];
const missing = open(`${file}-missing`);
calls.close(fd);
calls.unload();
printLine(JSON.stringify({ arch: Deno.build.arch, isSent, flags: parseInt(flags, 8), missing }));
