import { assertEquals, assertMatch } from "@std/assert";
import {
  interpreterOf,
  unsupportedFormat,
} from "../../../../../lib/platform/linux/processes/program_format.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const X86_64 = 62;
const I386 = 3;
const AARCH64 = 183;

/** A 64-byte ELF header for a processor, and what follows it. */
function elf(machine: number, rest = ""): Uint8Array {
  const header = new Uint8Array(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header[18] = machine;
  return Uint8Array.of(...header, ...bytes(rest));
}

for (
  const [head, path] of [
    ["#!/bin/sh\n", "/bin/sh"],
    ["#! \t/usr/bin/env -S deno run\nmore", "/usr/bin/env"],
    ["#!/bin/sh", "/bin/sh"],
    ["#!/bin/sh\r\n", "/bin/sh\r"],
    ["#!relative\n", "relative"],
  ] as const
) {
  Deno.test(`interpreterOf() reads ${JSON.stringify(head)}`, () => {
    assertEquals(interpreterOf(bytes(head)), { kind: "interpreter", path });
  });
}

Deno.test("interpreterOf() finds nothing in other files", () => {
  for (const head of ["", "#!", "#!\n", "echo hi\n", "# !/bin/sh\n", " #!/bin/sh\n"]) {
    assertEquals(interpreterOf(bytes(head)), undefined, head);
  }
  assertEquals(interpreterOf(elf(X86_64)), undefined);
});

Deno.test("interpreterOf() names the dynamic loader of an ELF file", async () => {
  for (const path of ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"]) {
    const head = elf(X86_64, `\x01\x02\0${path}\0\x04`);
    assertEquals(interpreterOf(head), { kind: "dynamic loader", path });
  }
  const real = (await Deno.readFile("/bin/true")).subarray(0, 4096);
  assertEquals(interpreterOf(real)?.kind, "dynamic loader");
  assertMatch(interpreterOf(real)?.path ?? "", /^\/lib.*ld-.*\.so/);
});

Deno.test("unsupportedFormat() accepts programs of this machine and scripts", async () => {
  assertEquals(unsupportedFormat((await Deno.readFile("/bin/true")).subarray(0, 4096)), undefined);
  for (
    const head of [
      bytes("#!/bin/sh\n\0"),
      bytes("echo hi\n"),
      bytes(""),
      elf(X86_64),
      bytes("\x7fELse\n"),
    ]
  ) {
    assertEquals(unsupportedFormat(head, "x86_64"), undefined);
  }
  assertEquals(unsupportedFormat(elf(I386), "x86_64"), undefined);
  assertEquals(unsupportedFormat(elf(AARCH64), "aarch64"), undefined);
  assertEquals(unsupportedFormat(elf(AARCH64), "some-other"), undefined);
});

for (
  const [head, architecture, reason] of [
    [elf(AARCH64), "x86_64", "it is an ELF file for another processor (machine 183)"],
    [elf(X86_64), "aarch64", "it is an ELF file for another processor (machine 62)"],
    [elf(X86_64).subarray(0, 20), "x86_64", "it is a truncated ELF file"],
    [bytes("MZ\0\x01"), "x86_64", "it is binary data in an unknown format"],
  ] as const
) {
  Deno.test(`unsupportedFormat() on ${architecture}: ${reason}`, () => {
    assertEquals(unsupportedFormat(head, architecture), reason);
  });
}
