/**
 * What the first bytes of an executable file say about how the kernel runs it (execve(2), elf(5)).
 *
 * @module
 */

/** The bytes that suffice for every check here. */
export const HEAD_BYTES = 4096;

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const ELF_HEADER_BYTES = 64;
const E_MACHINE = 18;
/** Values of `e_machine` that each processor runs, 32-bit programs of its family included. */
const MACHINES: Readonly<Record<string, readonly number[]>> = {
  x86_64: [62, 3],
  aarch64: [183, 40],
};
const MAX_TEXT_PROBE_BYTES = 256;

const isElf = (head: Uint8Array) => ELF_MAGIC.every((byte, index) => head[index] === byte);

/** Decodes each byte as one character: paths are ASCII in practice, and nothing is lost. */
const latin1 = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

/** What runs a file: the program after `#!`, or an ELF file's dynamic loader. */
export interface Interpreter {
  readonly kind: "interpreter" | "dynamic loader";
  readonly path: string;
}

/** What runs a file with these first bytes, or `undefined` if it needs nothing or does not say. */
export function interpreterOf(head: Uint8Array): Interpreter | undefined {
  const text = latin1(head);
  const script = /^#![ \t]*([^ \t\n]+)/.exec(text)?.[1];
  if (script !== undefined) return { kind: "interpreter", path: script };
  // The loader's path directly follows the headers of an ELF file.
  const loader = isElf(head) ? /\/[\w./+-]*\/ld[\w.+-]*\.so[\w.]*/.exec(text)?.[0] : undefined;
  return loader === undefined ? undefined : { kind: "dynamic loader", path: loader };
}

/**
 * Why the kernel cannot run a file with these first bytes (ENOEXEC), or `undefined` if it may be
 * able to.
 *
 * @param architecture As in `Deno.build.arch`.
 */
export function unsupportedFormat(
  head: Uint8Array,
  architecture: string = Deno.build.arch,
): string | undefined {
  if (isElf(head)) {
    if (head.byteLength < ELF_HEADER_BYTES) return "it is a truncated ELF file";
    const machine = (head[E_MACHINE] ?? 0) | (head[E_MACHINE + 1] ?? 0) << 8;
    const known = MACHINES[architecture];
    return known === undefined || known.includes(machine)
      ? undefined
      : `it is an ELF file for another processor (machine ${machine})`;
  }
  if (latin1(head).startsWith("#!")) return undefined;
  return head.subarray(0, MAX_TEXT_PROBE_BYTES).includes(0)
    ? "it is binary data in an unknown format"
    : undefined;
}
