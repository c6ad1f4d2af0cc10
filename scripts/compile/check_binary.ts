/**
 * Checks what `deno compile` has made: with a wrong runtime it reports success and writes a program
 * that does not start, or a plain runtime without any confinement.
 *
 * @module
 */

/** A format of programs. */
interface Format {
  /** As in "not an ELF binary". */
  readonly name: string;
  readonly magic: string;
  /** Where the header has the machine. */
  machineOffset(header: DataView): number;
  /** The machines by their targets. */
  readonly machines: Readonly<Record<string, number>>;
}

const FORMATS: readonly Format[] = [
  {
    name: "an ELF binary",
    magic: "\x7fELF",
    // elf(5): EM_X86_64 and EM_AARCH64.
    machineOffset: () => 18,
    machines: { "x86_64-unknown-linux-gnu": 62, "aarch64-unknown-linux-gnu": 183 },
  },
  {
    name: "a program of Windows",
    magic: "MZ",
    // "PE Format", Microsoft Learn: behind the signature, whose place is at 0x3c;
    // IMAGE_FILE_MACHINE_AMD64.
    machineOffset: (header) => header.getUint32(0x3c, true) + 4,
    machines: { "x86_64-pc-windows-msvc": 0x8664 },
  },
];
/** The header of each format, with what may be before it. */
const HEADER_BYTES = 1024;
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
  const format = FORMATS.find(({ machines }) => machines[target] !== undefined);
  if (format === undefined) throw new TypeError(`no format for ${target}`);
  const { name, magic, machines, machineOffset } = format;
  if (new TextDecoder("latin1").decode(header.subarray(0, magic.length)) !== magic) {
    throw wrong(`the runtime is not ${name}`);
  }
  const view = new DataView(header.buffer);
  const offset = machineOffset(view);
  const machine = offset + 2 <= HEADER_BYTES ? view.getUint16(offset, true) : undefined;
  if (machine !== machines[target]) {
    const other = Object.keys(machines).find((known) => machines[known] === machine);
    throw wrong(`the runtime is for ${other ?? `machine ${machine}`}`);
  }
  // The texts may be right behind a short header.
  await file.seek(0, Deno.SeekMode.Start);
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
