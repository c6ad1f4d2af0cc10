import { assert, assertEquals, assertThrows } from "@std/assert";
import { isHandle } from "../../../lib/platform/windows/ffi/handle.ts";
import { kernel32 } from "../../../lib/platform/windows/ffi/kernel32.ts";
import { fromWide, wide } from "../../../lib/platform/windows/ffi/wide.ts";
import { ERROR, lastError } from "../../../lib/platform/windows/ffi/windows_error.ts";

const OPEN_EXISTING = 3;

Deno.test("lastError() tells what the system says about the last call", () => {
  const handle = kernel32.CreateFileW(wide("C:\\no such file"), 0, 0, null, OPEN_EXISTING, 0, null);
  const error = lastError("CreateFileW");
  assert(!isHandle(handle));
  assertEquals(error.code, ERROR.FILE_NOT_FOUND);
  assertEquals(error.message, "File not found (CreateFileW: error 2)");
});

Deno.test("isHandle() accepts what a successful call returned", () => {
  const event = kernel32.CreateEventW(null, 1, 0, null);
  assert(isHandle(event));
  assertEquals(kernel32.CloseHandle(event), 1);
});

Deno.test("isHandle() refuses NULL", () => {
  assert(!isHandle(null));
});

for (const text of ["", "plain", "Übergröße 🚀", "\ud800 alone", "x".repeat(20_000)]) {
  Deno.test(`fromWide() returns what wide() got: ${text.slice(0, 20)}`, () => {
    assertEquals(fromWide(wide(text)), text);
  });
}

Deno.test("wide() refuses a NUL, since Windows would take the part before it", () => {
  assertThrows(() => wide("C:\\allowed\0.txt"), TypeError);
});
