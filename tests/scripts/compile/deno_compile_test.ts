import { assertEquals } from "@std/assert";
import { reasonsIn } from "../../../scripts/compile/deno_compile.ts";

const BACKTRACE = [
  "",
  "Stack backtrace:",
  "   0: <unknown>",
  "   1: __libc_start_call_main",
  "             at ./csu/../sysdeps/nptl/libc_start_call_main.h:58:16",
  "   2: __libc_start_main_impl",
  "             at ./csu/../csu/libc-start.c:360:3",
];

Deno.test("the frames of a backtrace are no reasons", () => {
  assertEquals(reasonsIn(["error: No space left", ...BACKTRACE]), "No space left");
  assertEquals(
    reasonsIn(["error: Writing x", "", "Caused by:", "    0: a", "    1: b", ...BACKTRACE]),
    "a: b",
  );
});
