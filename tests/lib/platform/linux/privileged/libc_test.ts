import { assertEquals, assertThrows } from "@std/assert";
import { libcPath } from "../../../../../lib/platform/linux/privileged/libc.ts";

const BOTH = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6"];

for (const architecture of ["x86_64", "aarch64"] as const) {
  Deno.test(`a guest that has two C libraries uses the one of its processor: ${architecture}`, () => {
    const path = libcPath(architecture, (candidate) => BOTH.includes(candidate));
    assertEquals(path, `/lib/${architecture}-linux-gnu/libc.so.6`);
  });

  Deno.test(`where there is no directory for each processor, on ${architecture}, it is in /lib64`, () => {
    assertEquals(libcPath(architecture, (path) => path.startsWith("/lib64/")), "/lib64/libc.so.6");
  });

  Deno.test(`a guest without a C library for ${architecture} is told by name`, () => {
    assertThrows(
      () => libcPath(architecture, (path) => !path.includes(architecture) && path.includes("-")),
      Error,
      `no C library at /lib/${architecture}-linux-gnu/libc.so.6, /lib64`,
    );
  });
}
