/**
 * A pseudo terminal as a stand-in for a virtio port (pty(7)): a character device whose other side
 * is the host.
 *
 * @module
 */

import { assert } from "@std/assert";

const CALLS = {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  tcgetattr: { parameters: ["i32", "buffer"], result: "i32" },
  cfmakeraw: { parameters: ["buffer"], result: "void" },
  tcsetattr: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  close: { parameters: ["i32"], result: "i32" },
} as const;

const O_RDWR_NOCTTY = 0o402;
const TCSANOW = 0;
/** More than the size of struct termios on any platform. */
const TERMIOS_BYTES = 256;
const PAUSE_MS = 20;

/** Both directions of the host's end. */
export interface Wire {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  close(): void;
}

/**
 * A device that an agent can open, and its host's end. Dispose of it last: reading ends only when
 * no process has the device open.
 */
export class Pty implements AsyncDisposable {
  readonly #library = Deno.dlopen("libc.so.6", CALLS);
  readonly #host: number;
  /** The path of the device. */
  readonly path: string;
  readonly wire: Wire;
  #isClosed = false;
  #reading: Promise<void> = Promise.resolve();

  constructor() {
    const { symbols } = this.#library;
    this.#host = symbols.posix_openpt(O_RDWR_NOCTTY);
    assert(this.#host >= 0, "posix_openpt");
    assert(symbols.grantpt(this.#host) === 0 && symbols.unlockpt(this.#host) === 0, "unlockpt");
    const name = new Uint8Array(100);
    assert(symbols.ptsname_r(this.#host, name, 100n) === 0, "ptsname_r");
    this.path = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
    const settings = new Uint8Array(TERMIOS_BYTES);
    assert(symbols.tcgetattr(this.#host, settings) === 0, "tcgetattr");
    symbols.cfmakeraw(settings);
    assert(symbols.tcsetattr(this.#host, TCSANOW, settings) === 0, "tcsetattr");
    this.wire = {
      readable: new ReadableStream(
        { pull: (controller) => this.#reading = this.#read(controller) },
        { highWaterMark: 0 },
      ),
      writable: new WritableStream({ write: (bytes) => this.#write(bytes) }),
      close: () => this.#isClosed = true,
    };
  }

  async #read(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    while (!this.#isClosed) {
      const length = BigInt(buffer.byteLength);
      const read = Number(await this.#library.symbols.read(this.#host, buffer, length));
      if (read > 0) return controller.enqueue(buffer.slice(0, read));
      // No process has the device open; wait for the next one.
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    controller.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let rest = new Uint8Array(bytes); rest.byteLength > 0;) {
      const length = BigInt(rest.byteLength);
      const written = Number(await this.#library.symbols.write(this.#host, rest, length));
      assert(written > 0, "write to the pseudo terminal");
      rest = rest.subarray(written);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#reading;
    this.#library.symbols.close(this.#host);
    this.#library.close();
  }
}
