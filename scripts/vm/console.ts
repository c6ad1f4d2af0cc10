/**
 * A terminal on a guest's serial console, where the guest offers a login.
 *
 * @module
 */

/** Ctrl-], as in telnet(1). */
const ESCAPE = 0x1d;
const BUFFER_BYTES = 4096;

/**
 * Connects standard input and output to a guest's serial console, until Ctrl-] is typed, standard
 * input ends, or the guest does.
 *
 * @param socket The host side of the console ({@link Machine.consoleSocket}).
 * @throws {Deno.errors.NotFound | Deno.errors.ConnectionRefused} if no guest runs there.
 */
export async function attachConsole(socket: string): Promise<void> {
  const connection = await Deno.connect({ transport: "unix", path: socket });
  using _connection = connection;
  const isTerminal = Deno.stdin.isTerminal();
  if (isTerminal) Deno.stdin.setRaw(true);
  try {
    // The login prompt was printed before; a new line prints it again.
    await writeAll(connection, new Uint8Array([0x0a]));
    await Promise.race([copy(Deno.stdin, connection), copy(connection, Deno.stdout)]);
  } finally {
    if (isTerminal) Deno.stdin.setRaw(false);
  }
}

interface Source {
  read(buffer: Uint8Array): Promise<number | null>;
}

interface Target {
  write(bytes: Uint8Array): Promise<number>;
}

/** Copies until the end or an escape character. */
async function copy(source: Source, target: Target): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const length = await source.read(buffer);
    if (length === null) return;
    const bytes = buffer.subarray(0, length);
    const end = source === Deno.stdin ? bytes.indexOf(ESCAPE) : -1;
    await writeAll(target, end < 0 ? bytes : bytes.subarray(0, end));
    if (end >= 0) return;
  }
}

async function writeAll(target: Target, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.byteLength;) sent += await target.write(bytes.subarray(sent));
}
