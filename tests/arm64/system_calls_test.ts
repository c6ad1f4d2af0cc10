/**
 * What the broker asks of the kernel through the C library for arm64: numbers of system calls, flags
 * and errors. Freezing is not among it: QEMU's user emulation does not know FIFREEZE and answers
 * ENOSYS.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import * as z from "zod";
import { findLibrary, LIBRARY } from "../../scripts/package/program.ts";
import { EMULATOR, SYSTEM } from "../../scripts/package/emulated.ts";
import { runTool } from "../../scripts/vm/tools.ts";
import { ROOT } from "../_deno.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { PACKAGES } from "./_packages.ts";

const ENOENT = 2;
/** O_NONBLOCK | O_CLOEXEC in the kernel's numbers, with the flag that a 64-bit kernel adds. */
const OPEN_FLAGS = 0o2004000;
const O_LARGEFILE = 0o100000;

Deno.test("the broker's system calls on arm64: a signal to a held process, opening a file", async () => {
  await using directory = await TempDirectory.make();
  const file = await directory.file("file", "");
  const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
  try {
    const libc = await findLibrary("arm64", "libc.so.6");
    const printed = await runTool(EMULATOR, [
      ...["-L", SYSTEM, `${PACKAGES}/deb${LIBRARY}/kvmmanager-agent`],
      ...["run", "--quiet", "--no-check", "--cached-only", "-A", "--v8-flags=--jitless"],
      `${ROOT}tests/arm64/_system_calls.ts`,
      ...[libc, `${child.pid}`, file],
    ], { cwd: ROOT });
    const { flags, ...rest } = z.parse(z.looseObject({ flags: z.int() }), JSON.parse(printed));
    assertEquals(rest, { arch: "aarch64", isSent: true, missing: -ENOENT });
    assertEquals(flags & ~O_LARGEFILE, OPEN_FLAGS);
    assertEquals((await child.status).signal, "SIGUSR1");
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }
});
