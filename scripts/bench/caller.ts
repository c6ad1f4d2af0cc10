/**
 * Requests and their answers, matched by the id that both agents send back unchanged.
 *
 * @module
 */

import { parseLine, type Wire } from "./wire.ts";

/** An answer, or anything else that is an object. */
export type Answer = Readonly<Record<string, unknown>>;

/** Makes a request's line, including its newline. */
export type RequestText = (id: number) => string;

const isObject = (value: unknown): value is Answer => typeof value === "object" && value !== null;

/** A member of an object of unknown shape; `undefined` for a missing one. */
export const member = (value: unknown, name: string): unknown =>
  isObject(value) ? value[name] : undefined;

/** @throws {Error} when it is not a number. */
export function numberIn(value: unknown, name: string): number {
  const found = member(value, name);
  if (typeof found !== "number") throw new Error(`no number "${name}" in ${JSON.stringify(value)}`);
  return found;
}

/** @throws {Error} when it is not a string. */
export function stringIn(value: unknown, name: string): string {
  const found = member(value, name);
  if (typeof found !== "string") throw new Error(`no string "${name}" in ${JSON.stringify(value)}`);
  return found;
}

/** The longest line that is read without being parsed: a mebibyte in base64. */
const MAX_LINE_BYTES = 1_500_000;
/** Room for the answers with a file of ten megabytes, which take 14, and for one line more. */
const KEPT_BYTES = 16_000_000 + MAX_LINE_BYTES;

/** Makes requests over a wire. */
export class Caller {
  readonly #early = new Map<number, Answer>();
  #lastId: number;
  /** Lines that are parsed later. Memory of their own would take 20 µs for each line of 64 kB. */
  #kept: Uint8Array | undefined;
  #keptEnd = 0;

  /** @param lastId The ids follow this one. */
  constructor(readonly wire: Wire, lastId = 0) {
    this.#lastId = lastId;
  }

  /** Sends a request without waiting; returns its id. */
  async begin(text: RequestText): Promise<number> {
    const id = ++this.#lastId;
    await this.wire.send(text(id));
    return id;
  }

  /**
   * The answer to a request that was sent; answers to others that arrive first are kept.
   *
   * @throws {Error} when it is an error.
   */
  async end(id: number): Promise<Answer> {
    const early = this.#early.get(id);
    this.#early.delete(id);
    let answer = early ?? successful(parseLine(await this.wire.readLine()));
    while (answer.id !== id) {
      if (typeof answer.id === "number") this.#early.set(answer.id, answer);
      answer = successful(parseLine(await this.wire.readLine()));
    }
    return answer;
  }

  /** Makes a request and waits for its answer. */
  async call(text: RequestText): Promise<Answer> {
    return await this.end(await this.begin(text));
  }

  /**
   * Makes a request while none is in flight and returns the next line unparsed, so that parsing is
   * not part of the measured time. It is valid until 16 MB more have come.
   */
  async callUnread(text: RequestText): Promise<Uint8Array> {
    await this.begin(text);
    this.#kept ??= new Uint8Array(KEPT_BYTES).fill(1);
    if (this.#keptEnd + MAX_LINE_BYTES > KEPT_BYTES) this.#keptEnd = 0;
    const room = this.#kept.subarray(this.#keptEnd, this.#keptEnd + MAX_LINE_BYTES);
    const length = await this.wire.readLineInto(room);
    this.#keptEnd += length;
    return room.subarray(0, length);
  }

  /** Makes `count` requests with at most `outstanding` of them unanswered. */
  async pipeline(text: RequestText, count: number, outstanding: number): Promise<void> {
    const first = this.#lastId + 1;
    const isAnswered = new Uint8Array(count);
    let sent = 0;
    let answered = 0;
    const receive = (line: Uint8Array) => {
      const { id } = successful(parseLine(line));
      if (typeof id !== "number") return;
      if (isAnswered[id - first] !== 0) throw new Error(`unexpected answer: ${id}`);
      isAnswered[id - first] = 1;
      answered += 1;
    };
    while (answered < count) {
      let batch = "";
      for (; sent < count && sent - answered < outstanding; sent++) batch += text(++this.#lastId);
      if (batch !== "") await this.wire.send(batch);
      receive(await this.wire.readLine());
      for (let line; (line = this.wire.receivedLine()) !== undefined;) receive(line);
    }
  }
}

/**
 * Returns the message unless it reports an error of one of our requests.
 *
 * @throws {Error} for one that does, and for anything that is not an object.
 */
export function successful(message: unknown): Answer {
  if (!isObject(message)) throw new Error(`not an answer: ${JSON.stringify(message)}`);
  // An error without an id is about a line that is not a request; the bench sends some on purpose.
  if ("error" in message && typeof message.id === "number") {
    throw new Error(`received an error: ${JSON.stringify(message)}`);
  }
  return message;
}
