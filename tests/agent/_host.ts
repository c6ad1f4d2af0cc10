/**
 * The host's raw side of a channel: it sends any bytes and keeps every line that it receives.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, fail } from "@std/assert";
import * as z from "zod";
import { PATIENCE } from "./_program.ts";
import { within } from "../_waiting.ts";

const DEADLINE_MS = 20_000 * PATIENCE;

const ErrorMember = z.strictObject({
  code: z.int(),
  message: z.string(),
  data: z.looseObject({ reason: z.string() }),
});

/** The `error` member of a reply. */
export type ErrorMember = z.output<typeof ErrorMember>;

/** One line from the agent, as JSON. */
export type Message = Readonly<Record<string, unknown>>;

const MessageObject = z.record(z.string(), z.unknown());

/** Two independent directions, such as a socket or a pair of pipes. */
export interface Wire {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  close(): void;
}

/** A host that sends whatever a test wants, well-formed or not. */
export class Host implements AsyncDisposable {
  readonly #wire: Wire;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #received: unknown[] = [];
  #calls = 0;
  #lastLine = "";
  #hasEnded = false;
  #news = Promise.withResolvers<void>();

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#writer = wire.writable.getWriter();
    this.#reading = this.#readAll();
  }

  /** Connects to the socket of a channel. */
  static async connect(path: string): Promise<Host> {
    return new Host(await Deno.connect({ transport: "unix", path }));
  }

  /** Received lines that no test has taken yet. */
  get received(): readonly unknown[] {
    return this.#received;
  }

  /** The text of the last line, for values that JSON.parse would alter. */
  get lastLine(): string {
    return this.#lastLine;
  }

  /** Whether the agent has closed the connection. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Sends text or bytes unchanged. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    await within(this.#writer.write(bytes), "the agent reading what was sent", DEADLINE_MS);
  }

  /** Waits for the first matching line and takes it. */
  async take(
    fits: (message: unknown) => boolean,
    what: string,
    deadlineMs = DEADLINE_MS,
  ): Promise<unknown> {
    const deadline = performance.now() + deadlineMs;
    for (;;) {
      const index = this.#received.findIndex(fits);
      if (index >= 0) return this.#received.splice(index, 1)[0];
      if (this.#hasEnded) fail(`the agent closed the connection instead of sending ${what}`);
      const left = deadline - performance.now();
      const seen = JSON.stringify(this.#received).slice(0, 500);
      await within(this.#news.promise, `${what} (${deadlineMs} ms); received ${seen}`, left);
    }
  }

  /** Takes the next line, whatever it is. */
  async next(deadlineMs = DEADLINE_MS): Promise<unknown> {
    return await this.take(() => true, "a line", deadlineMs);
  }

  /** Takes the next reply; notifications stay. */
  async answer(deadlineMs = DEADLINE_MS): Promise<Message> {
    return z.parse(MessageObject, await this.take(isAnswer, "an answer", deadlineMs));
  }

  /** Takes the reply with this id. */
  async answerTo(id: unknown, deadlineMs = DEADLINE_MS): Promise<Message> {
    const what = `an answer to ${JSON.stringify(id)}`;
    const fits = (message: unknown) => isAnswer(message) && isEqual(idOf(message), id);
    return z.parse(MessageObject, await this.take(fits, what, deadlineMs));
  }

  /** Sends one line and takes the next reply, whatever its id. */
  async ask(line: string | Uint8Array): Promise<Message> {
    await this.send(line);
    await this.send("\n");
    return await this.answer();
  }

  /** Sends a request and returns its id, for {@link answerTo}. */
  async start(method: string, params?: unknown): Promise<string> {
    const id = `call ${++this.#calls}`;
    await this.send(`${JSON.stringify({ jsonrpc: "2.0", method, params, id })}\n`);
    return id;
  }

  /** Sends a request and waits for its reply. */
  async request(method: string, params?: unknown, deadlineMs?: number): Promise<Message> {
    return await this.answerTo(await this.start(method, params), deadlineMs);
  }

  /** Sends a request that must succeed, and returns its result. */
  async call<Schema extends z.ZodMiniType>(
    method: string,
    params: unknown,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    return resultOf(await this.request(method, params), schema);
  }

  /** Fails unless the agent answers a ping on this connection. */
  async ping(deadlineMs?: number): Promise<void> {
    const answer = await this.request("ping", undefined, deadlineMs);
    resultOf(answer, z.looseObject({ pong: z.literal(true) }));
  }

  /** Closes the direction to the agent; the other one is still read. */
  async hangUp(): Promise<void> {
    await this.#writer.close();
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    try {
      this.#wire.close();
    } catch {
      // Already closed.
    }
    await this.#writer.close().catch(() => {});
    await within(this.#reading, "the end of the connection", DEADLINE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #readAll(): Promise<void> {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    let unfinished = "";
    try {
      for await (const chunk of this.#wire.readable) {
        const lines = (unfinished + decoder.decode(chunk, { stream: true })).split("\n");
        unfinished = lines.pop() ?? "";
        for (const line of lines) this.#received.push(JSON.parse(line));
        this.#lastLine = lines.at(-1) ?? this.#lastLine;
        this.#notify();
      }
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) throw error;
      // The connection was closed here.
    } finally {
      this.#hasEnded = true;
      this.#notify();
    }
  }

  #notify(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

const isObject = (value: unknown): value is Message =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const idOf = (message: unknown) => isObject(message) ? message.id : undefined;

const isEqual = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

const isAnswer = (message: unknown) => isObject(message) && !("method" in message);

/** The result of a reply, which must have exactly the right members. */
export function resultOf<Schema extends z.ZodMiniType>(
  answer: Message,
  schema: Schema,
): z.output<Schema> {
  assert("result" in answer, `an answer with a result, received ${JSON.stringify(answer)}`);
  assertEquals(Object.keys(answer).sort(), ["id", "jsonrpc", "result"]);
  assertEquals(answer.jsonrpc, "2.0");
  return z.parse(schema, answer.result);
}

/** The error of a reply, which must have exactly the right members. */
export function errorOf(answer: Message): ErrorMember {
  assert("error" in answer, `an error answer, received ${JSON.stringify(answer).slice(0, 500)}`);
  assertEquals(Object.keys(answer).sort(), ["error", "id", "jsonrpc"]);
  assertEquals(answer.jsonrpc, "2.0");
  return z.parse(ErrorMember, answer.error);
}

/** Fails unless the reply is this error with this reason. */
export function assertRefused(answer: Message, code: number, reason: RegExp): ErrorMember {
  const error = errorOf(answer);
  assertEquals(error.code, code, JSON.stringify(error));
  assertMatch(error.data.reason, reason);
  return error;
}
