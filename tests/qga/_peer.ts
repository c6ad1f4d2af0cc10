/**
 * An agent on a socket that speaks the QEMU guest agent's language, and a client that finds the end
 * of its answers by a guest-sync after each request.
 *
 * @module
 */

import { until, within } from "../_waiting.ts";
import type { RequestEntry } from "./_requests.ts";

/** An answer: a line without its end, and whether 0xFF was before it. */
export interface Answer {
  readonly isDelimited: boolean;
  readonly value: unknown;
}

const FIRST_SYNC = 1_000_000;
/** A parser that is in the middle of something swallows the sync; then 0xFF gets it out. */
const SWALLOWED_MS = 3000;

/** Parses keeping the digits of whole numbers beyond 2^53, as text. */
const parse = (text: string): unknown =>
  JSON.parse(
    text,
    (_key, value, { source }: { source?: string }) =>
      typeof value === "number" && source !== undefined && !Number.isSafeInteger(value) &&
        /^-?\d+$/.test(source)
        ? `${source} exactly`
        : value,
  );

/** The client of one agent. */
export class Peer implements AsyncDisposable {
  readonly #path: string;
  readonly #directory: string;
  #connection: Deno.UnixConn;
  #reading: Promise<void>;
  #lines: Answer[] = [];
  #syncs = FIRST_SYNC;
  readonly #saved = new Map<string, string>();

  private constructor(path: string, directory: string, connection: Deno.UnixConn) {
    this.#path = path;
    this.#directory = directory;
    this.#connection = connection;
    this.#reading = this.#read(connection);
  }

  /** @param directory Where the files of the requests are; removed and made before. */
  static async connect(path: string, directory: string): Promise<Peer> {
    await until(
      () => Deno.lstat(path).then(() => true, () => false),
      () => `the socket ${path}`,
    );
    return new Peer(path, directory, await Deno.connect({ transport: "unix", path }));
  }

  /** Sends a request; returns all answers to it. */
  async ask(entry: RequestEntry): Promise<readonly Answer[]> {
    if (entry.connect === "new") await this.#reconnect();
    this.#lines = [];
    await this.#write(this.#bytesOf(entry), entry.pieces);
    const answers = await this.#sync();
    this.#save(entry, answers[0]?.value);
    if (entry.then !== undefined) {
      await this.#write(new TextEncoder().encode(this.#filled(entry.then)));
      await this.#sync();
    }
    // The requests say so; what they wait for are programs.
    if (entry.wait !== undefined) await new Promise((done) => setTimeout(done, entry.wait));
    return answers;
  }

  #bytesOf({ send, hex }: RequestEntry): Uint8Array<ArrayBuffer> {
    return hex === undefined
      ? new TextEncoder().encode(this.#filled(send ?? ""))
      : Uint8Array.fromHex(hex);
  }

  #filled(text: string): string {
    return text.replaceAll("/tmp/qga-diff-diff", this.#directory)
      .replace(/\$([a-z])\b/g, (name, letter) => this.#saved.get(letter) ?? name);
  }

  #save({ save = {} }: RequestEntry, answer: unknown): void {
    for (const [name, path] of Object.entries(save)) {
      let value = answer;
      for (const member of path.split(".")) value = Object(value)[member];
      // An error has none: a number that nobody has given.
      this.#saved.set(name, JSON.stringify(value) ?? "1");
    }
  }

  /** Sends a guest-sync and waits for its answer; returns the answers before it. */
  async #sync(): Promise<readonly Answer[]> {
    const id = this.#syncs += 1;
    const request = new TextEncoder().encode(
      `\n{"execute":"guest-sync","arguments":{"id":${id}}}\n`,
    );
    await this.#write(request);
    const end = () => this.#lines.findIndex(({ value }) => Object(value).return === id);
    const isThere = () => end() >= 0;
    const description = () => `an answer of ${this.#path}: ${JSON.stringify(this.#lines)}`;
    try {
      await until(isThere, description, SWALLOWED_MS);
    } catch {
      await this.#write(Uint8Array.of(0xff, ...request));
      await until(isThere, description);
    }
    const answers = this.#lines.slice(0, end());
    this.#lines = [];
    return answers;
  }

  async #write(bytes: Uint8Array<ArrayBuffer>, piece = bytes.byteLength): Promise<void> {
    for (let start = 0; start < bytes.byteLength; start += piece) {
      for (let rest = bytes.subarray(start, start + piece); rest.byteLength > 0;) {
        rest = rest.subarray(await this.#connection.write(rest));
      }
    }
  }

  async #read(connection: Deno.UnixConn): Promise<void> {
    // Each byte is one character, so that 0xFF is seen.
    const decoder = new TextDecoder("latin1");
    // Joined once for each line: one may have 22 MB.
    let unfinished: string[] = [];
    try {
      const buffer = new Uint8Array(65536);
      for (;;) {
        const read = await connection.read(buffer);
        if (read === null) return;
        const text = decoder.decode(buffer.subarray(0, read));
        unfinished.push(text);
        if (!text.includes("\n")) continue;
        const lines = unfinished.join("").split("\n");
        unfinished = [lines.pop() ?? ""];
        for (const line of lines) {
          const isDelimited = line.startsWith("\u00ff");
          this.#lines.push({ isDelimited, value: parse(isDelimited ? line.slice(1) : line) });
        }
      }
    } catch {
      // Closed by us.
    }
  }

  async #reconnect(): Promise<void> {
    await this.#close();
    this.#connection = await Deno.connect({ transport: "unix", path: this.#path });
    this.#reading = this.#read(this.#connection);
  }

  async #close(): Promise<void> {
    this.#connection.close();
    await within(this.#reading, "the end of the connection");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
