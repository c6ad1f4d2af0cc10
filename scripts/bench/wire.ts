/**
 * Lines over a unix socket, with as little between the clock and the kernel as Deno allows.
 *
 * The product's client is designed for convenience and would distort the numbers.
 *
 * @module
 */

const NEWLINE = 0x0a;
const INITIAL_BUFFER_BYTES = 256 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One connection; one reader at a time. */
export class Wire implements Disposable {
  readonly #connection: Deno.UnixConn;
  #buffer = new Uint8Array(INITIAL_BUFFER_BYTES);
  /** Received bytes that have not been returned lie between the two. */
  #start = 0;
  #end = 0;

  constructor(connection: Deno.UnixConn) {
    this.#connection = connection;
  }

  /** Connects to a unix socket. */
  static async connect(path: string): Promise<Wire> {
    return new Wire(await Deno.connect({ transport: "unix", path }));
  }

  /** Writes text, or bytes as they are. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    for (let sent = 0; sent < bytes.byteLength;) {
      sent += await this.#connection.write(sent === 0 ? bytes : bytes.subarray(sent));
    }
  }

  /**
   * The next line without its newline, valid until the next call.
   *
   * @throws {Error} when the connection ends.
   */
  async readLine(): Promise<Uint8Array> {
    for (let searched = this.#start;;) {
      const line = this.#take(searched);
      if (line !== undefined) return line;
      const kept = this.#end - this.#start;
      this.#makeRoom();
      searched = this.#start + kept;
      const read = await this.#connection.read(this.#buffer.subarray(this.#end));
      if (read === null) throw new Error("the connection was closed by the other side");
      this.#end += read;
    }
  }

  /**
   * Reads a line into `target` while no other can come; returns its length without the newline.
   *
   * It is neither copied nor searched, which would take 25 µs for a line of 64 kB.
   *
   * @throws {Error} when the connection ends, or when there is no room.
   */
  async readLineInto(target: Uint8Array): Promise<number> {
    const received = this.#buffer.subarray(this.#start, this.#end);
    target.set(received);
    this.#start = this.#end = 0;
    let length = received.byteLength;
    while (length === 0 || target[length - 1] !== NEWLINE) {
      if (length === target.byteLength) throw new Error("the line is longer than its room");
      const read = await this.#connection.read(target.subarray(length));
      if (read === null) throw new Error("the connection was closed by the other side");
      length += read;
    }
    return length - 1;
  }

  /** A line that has already been received, if any; valid until the next call. */
  receivedLine(): Uint8Array | undefined {
    return this.#take(this.#start);
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
    }
  }

  #take(searched: number): Uint8Array | undefined {
    const received = this.#buffer.subarray(0, this.#end);
    const end = received.indexOf(NEWLINE, searched);
    if (end < 0) return undefined;
    const line = received.subarray(this.#start, end);
    this.#start = end + 1;
    return line;
  }

  #makeRoom(): void {
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
    } else if (this.#end === this.#buffer.byteLength) {
      const kept = this.#buffer.subarray(this.#start, this.#end);
      if (this.#start === 0) this.#buffer = new Uint8Array(this.#buffer.byteLength * 2);
      this.#buffer.set(kept);
      this.#start = 0;
      this.#end = kept.byteLength;
    }
  }
}

/** The JSON of a line. */
export const parseLine = (line: Uint8Array): unknown => JSON.parse(decoder.decode(line));
