/**
 * Checks what `deno compile` has made: with a wrong runtime it reports success and writes a program
 * that does not start, or a plain runtime without any confinement.
 *
 * @module
 */

const ELF_MAGIC = "\x7fELF";
/** `EM_X86_64` and `EM_AARCH64` at offset 18 of the header (elf(5)). */
const MACHINES: Readonly<Record<string, number>> = {
  "x86_64-unknown-linux-gnu": 62,
  "aarch64-unknown-linux-gnu": 183,
};
const MACHINE_OFFSET = 18;
const HEADER_BYTES = 20;
const PIECE_BYTES = 4 * 1024 * 1024;
/** What only the whole runtime has: its language server. */
const WHOLE_RUNTIME = "deno::lsp::";
const START_LIMIT_MS = 20_000;

/** The binary has the wrong runtime; the message says what is wrong with it. */
export class WrongRuntimeError extends Error {
  override readonly name = "WrongRuntimeError";
}

/** What a binary is expected to be. */
export interface Expected {
  /** A target of `deno compile`. */
  readonly target: string;
  /** What its `--version` prints, without the newline. */
  readonly version: string;
}

/**
 * Checks a compiled binary: its processor, whether its runtime is denort of this version and, where
 * this machine can, by running it.
 *
 * @throws {WrongRuntimeError} with one sentence that says what is wrong and what to provide.
 */
export async function checkBinary(path: string, { target, version }: Expected): Promise<void> {
  const advice = `provide denort ${Deno.version.deno} for ${target}`;
  const wrong = (reason: string) => new WrongRuntimeError(`${reason}; ${advice}`);
  await checkFile(path, target, wrong);
  if (target !== Deno.build.target) return;
  const printed = await versionOf(path);
  if (printed !== version) {
    throw wrong(`the binary does not start as "${version}", but says "${printed}"`);
  }
}

type Wrong = (reason: string) => WrongRuntimeError;

async function checkFile(path: string, target: string, wrong: Wrong): Promise<void> {
  const file = await Deno.open(path);
  using _file = file;
  const header = new Uint8Array(HEADER_BYTES);
  await file.read(header);
  if (new TextDecoder().decode(header.subarray(0, ELF_MAGIC.length)) !== ELF_MAGIC) {
    throw wrong("the runtime is not an ELF binary");
  }
  const machine = new DataView(header.buffer).getUint16(MACHINE_OFFSET, true);
  if (machine !== MACHINES[target]) {
    const name = Object.keys(MACHINES).find((known) => MACHINES[known] === machine);
    throw wrong(`the runtime is for ${name ?? `machine ${machine}`}`);
  }
  const found = await textsIn(file, [WHOLE_RUNTIME, `Deno/${Deno.version.deno}`]);
  if (found.has(WHOLE_RUNTIME)) {
    throw wrong("the runtime is a whole deno, which would run anything without confinement");
  }
  // Running it says more.
  if (target !== Deno.build.target && !found.has(`Deno/${Deno.version.deno}`)) {
    throw wrong(`the runtime is not of version ${Deno.version.deno}`);
  }
}

/** Which of these texts (ASCII) the rest of a file contains. */
async function textsIn(file: Deno.FsFile, texts: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  const most = Math.max(...texts.map(({ length }) => length));
  const decoder = new TextDecoder("latin1");
  const buffer = new Uint8Array(PIECE_BYTES);
  let end = "";
  for (let read = await file.read(buffer); read !== null; read = await file.read(buffer)) {
    const piece = end + decoder.decode(buffer.subarray(0, read));
    for (const text of texts) if (piece.includes(text)) found.add(text);
    // A text may lie across two pieces.
    end = piece.slice(-most);
  }
  return found;
}

async function versionOf(path: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(path, {
    args: ["--version"],
    clearEnv: true,
    stdin: "null",
    signal: AbortSignal.timeout(START_LIMIT_MS),
  }).output();
  const decoder = new TextDecoder();
  const [first = ""] = (decoder.decode(stdout) || decoder.decode(stderr)).split("\n");
  return first;
}
