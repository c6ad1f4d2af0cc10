import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { checkBinary, WrongRuntimeError } from "../../../scripts/compile/check_binary.ts";
import { TempDirectory } from "../../lib/_helpers.ts";

const X64 = "x86_64-unknown-linux-gnu";
const ARM64 = "aarch64-unknown-linux-gnu";
const MACHINE = { [X64]: 62, [ARM64]: 183 };
const OTHER = Deno.build.target === X64 ? ARM64 : X64;
const VERSION = "kvmmanager-agent 1.0.0";
const RUNTIME = `Deno/${Deno.version.deno}`;

/** A file that starts like an ELF binary; no machine can run it. */
async function elf(directory: TempDirectory, machine: number, text = ""): Promise<string> {
  const path = `${directory.path}/${crypto.randomUUID()}`;
  const header = new Uint8Array(20);
  header.set(new TextEncoder().encode("\x7fELF\x02\x01\x01"));
  new DataView(header.buffer).setUint16(18, machine, true);
  await Deno.writeFile(path, header);
  await Deno.writeTextFile(path, text, { append: true });
  return path;
}

async function refusal(path: string, target: string): Promise<string> {
  const { message } = await assertRejects(
    () => checkBinary(path, { target, version: VERSION }),
    WrongRuntimeError,
  );
  assertStringIncludes(message, `; provide denort ${Deno.version.deno} for ${target}`);
  return message;
}

Deno.test("a binary for another processor is refused, whatever is in it", async () => {
  await using directory = await TempDirectory.make();
  for (const [target, other] of [[X64, ARM64], [ARM64, X64]] as const) {
    const path = await elf(directory, MACHINE[other], RUNTIME);
    assertStringIncludes(await refusal(path, target), `the runtime is for ${other}`);
  }
  const path = await elf(directory, 8, RUNTIME);
  assertStringIncludes(await refusal(path, X64), "the runtime is for machine 8");
});

const WINDOWS = "x86_64-pc-windows-msvc";

/** A file that starts like a program of Windows. */
async function pe(directory: TempDirectory, machine: number, text = ""): Promise<string> {
  const path = `${directory.path}/${crypto.randomUUID()}`;
  const header = new Uint8Array(256);
  header.set(new TextEncoder().encode("MZ"));
  const view = new DataView(header.buffer);
  view.setUint32(0x3c, 0x80, true);
  view.setUint16(0x84, machine, true);
  await Deno.writeFile(path, header);
  await Deno.writeTextFile(path, text, { append: true });
  return path;
}

Deno.test("a binary for Windows is checked by its own header", async () => {
  await using directory = await TempDirectory.make();
  const right = await pe(directory, 0x8664, RUNTIME);
  await checkBinary(right, { target: WINDOWS, version: VERSION });
  const arm = await pe(directory, 0xaa64, RUNTIME);
  assertStringIncludes(await refusal(arm, WINDOWS), "the runtime is for machine 43620");
  const old = await pe(directory, 0x8664, "Deno/2.6.10");
  assertStringIncludes(await refusal(old, WINDOWS), `not of version ${Deno.version.deno}`);
  const whole = await pe(directory, 0x8664, "deno::lsp::");
  assertStringIncludes(await refusal(whole, WINDOWS), "the runtime is a whole deno");
  const linux = await elf(directory, MACHINE[X64], RUNTIME);
  assertStringIncludes(await refusal(linux, WINDOWS), "not a program of Windows");
  const short = await directory.file(crypto.randomUUID(), "MZ");
  assertStringIncludes(await refusal(short, WINDOWS), "the runtime is for machine 0");
});

Deno.test("what is no ELF binary is refused, also an empty file", async () => {
  await using directory = await TempDirectory.make();
  for (const text of ["", "#!/bin/sh\n", "MZ"]) {
    const path = await directory.file(crypto.randomUUID(), text);
    assertStringIncludes(await refusal(path, X64), "not an ELF binary");
  }
});

Deno.test("a runtime of another version is refused, and one for another machine is not run", async () => {
  await using directory = await TempDirectory.make();
  const old = await elf(directory, MACHINE[OTHER], "Deno/2.6.10");
  assertStringIncludes(await refusal(old, OTHER), `not of version ${Deno.version.deno}`);
  const right = await elf(directory, MACHINE[OTHER], RUNTIME);
  await checkBinary(right, { target: OTHER, version: VERSION });
});

Deno.test("the version is found wherever it is in the file", async () => {
  await using directory = await TempDirectory.make();
  const before = 4 * 1024 * 1024 - 4;
  const path = await elf(directory, MACHINE[OTHER], "x".repeat(before) + RUNTIME);
  await checkBinary(path, { target: OTHER, version: VERSION });
});

Deno.test("a program of this machine that is another one is refused", async () => {
  await using directory = await TempDirectory.make();
  const path = `${directory.path}/program`;
  await Deno.copyFile("/bin/sleep", path);
  await Deno.writeTextFile(path, RUNTIME, { append: true });
  const message = await refusal(path, Deno.build.target);
  assertEquals(message.startsWith(`the binary does not start as "${VERSION}"`), true, message);
});
