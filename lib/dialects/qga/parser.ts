/**
 * Values out of bytes that need no separator: the parser of the QEMU guest agent's language.
 *
 * A message ends where its brackets balance, so a broken one is told there, once; what is not even
 * a token is told at once, and drops what came before. Its state belongs to the channel and not to a
 * connection, as in qemu-ga: a host sends 0xFF first to get rid of what another left unfinished.
 *
 * @module
 */

import { countGarbage, countLongMessage } from "../../base/memory/garbage.ts";
import { LongText } from "../../base/memory/long_text.ts";
import { Lexer, type TokenKind } from "./lexer.ts";
import { BadLiteral, Float, integerOf, keywordOf, stringOf } from "./literals.ts";
import { plainRequest } from "./plain_request.ts";

/** What a message may have; qemu-ga takes 64 MiB, which would not fit the agent's memory. */
export interface MessageLimits {
  readonly bytes: number;
  readonly tokens: number;
  readonly depth: number;
}

/** Enough for 1 MiB of a file in base64 with line breaks; most clients write 48 kB at once. */
export const MESSAGE_LIMITS: MessageLimits = {
  bytes: 1_500_000,
  tokens: 10_000,
  depth: 1024,
};

/** A longer argument stays bytes if it is plain. No chunk is as long, so it came in several. */
const LONG_BYTES = 128 * 1024;
/** An argument is in an object in the request. */
const ARGUMENT_DEPTH = 2;

/** What a request that is read natively leaves for each of its bytes: its text and its values. */
const PLAIN_GARBAGE_FACTOR = 8;

/** Receives what is parsed. */
export interface ValueSink {
  /**
   * A whole value.
   *
   * @param bytes Its tokens' bytes, and perhaps those between them.
   * @returns Whether to leave what follows it to the next push.
   */
  onValue(value: unknown, bytes: number): boolean;
  /** Something that is not a value; the text says what. */
  onError(description: string): void;
}

/** An object or array that is not complete. */
interface Frame {
  readonly container: unknown[] | Record<string, unknown>;
  key: string;
  /** What may come next; `first` is a value or key, or the end of an empty container. */
  expects: "first" | "key" | "colon" | "value" | "separator";
}

/** Parses what {@link StreamParser.push} is given. */
export class StreamParser {
  readonly #limits: MessageLimits;
  readonly #lexer: Lexer;
  #sink: ValueSink | undefined;
  #frames: Frame[] = [];
  /** The last long argument; empty if it has been released. */
  #longText: LongText | undefined;
  #value: unknown;
  /** What is wrong with the message; the rest of it is only counted. */
  #failure: string | undefined;
  #braces = 0;
  #brackets = 0;
  #bytes = 0;
  #tokens = 0;

  constructor(limits: MessageLimits = MESSAGE_LIMITS) {
    this.#limits = limits;
    this.#lexer = new Lexer({
      onToken: (kind, text, bytes, isPlain) => this.#onToken(kind, text, bytes, isPlain),
      onStray: (text) => this.#fail(`JSON parse error, stray '${text}'`),
      onTooLong: () => this.#fail(tooLong(limits.bytes)),
    }, limits.bytes);
  }

  /**
   * Takes the bytes that came; they may be reused afterwards.
   *
   * @returns How many were taken: all, unless the sink asked to leave the rest.
   */
  push(chunk: Uint8Array, sink: ValueSink): number {
    this.#sink = sink;
    if (this.#braces === 0 && this.#brackets === 0 && this.#lexer.isIdle) {
      const { tokens, depth } = this.#limits;
      const value = plainRequest(chunk, Math.min(tokens, depth));
      if (value !== undefined) {
        countGarbage(chunk.byteLength * PLAIN_GARBAGE_FACTOR);
        sink.onValue(value, chunk.byteLength);
        return chunk.byteLength;
      }
    }
    return this.#lexer.push(chunk);
  }

  /** Takes a token; says whether the rest of the line is to be skipped. */
  #onToken(kind: TokenKind, text: string, bytes: Uint8Array, isPlain: boolean): boolean {
    this.#count(kind);
    this.#bytes += bytes.byteLength || 1;
    this.#tokens += 1;
    const excess = this.#excess();
    if (excess !== undefined) {
      this.#fail(excess);
      return true;
    }
    if (this.#failure === undefined) {
      try {
        if (isPlain && this.#isLongArgument(bytes)) this.#acceptLong();
        else this.#accept(kind, text, bytes);
      } catch (error) {
        if (!(error instanceof BadLiteral)) throw error;
        this.#failure = error.message;
        // Nothing of it is needed any more.
        this.#frames = [];
      }
    }
    const isOpen = this.#braces > 0 || this.#brackets > 0;
    if (!isOpen || this.#braces < 0 || this.#brackets < 0) this.#emit();
    return false;
  }

  #count(kind: TokenKind): void {
    if (kind === "{") this.#braces += 1;
    else if (kind === "}") this.#braces -= 1;
    else if (kind === "[") this.#brackets += 1;
    else if (kind === "]") this.#brackets -= 1;
  }

  #excess(): string | undefined {
    const { bytes, tokens, depth } = this.#limits;
    if (this.#bytes > bytes) return tooLong(bytes);
    if (this.#tokens > tokens) {
      return `JSON token count limit exceeded: a request may have ${tokens} tokens`;
    }
    return this.#braces + this.#brackets > depth
      ? `JSON nesting depth limit exceeded: a request may have ${depth} levels`
      : undefined;
  }

  #isLongArgument(bytes: Uint8Array): boolean {
    const frame = this.#frames.at(-1);
    return bytes.byteLength > LONG_BYTES && this.#frames.length === ARGUMENT_DEPTH &&
      frame?.expects === "value" && !Array.isArray(frame.container);
  }

  #acceptLong(): void {
    // Nobody has released the one before: the garbage collector frees it.
    countGarbage(this.#longText?.length ?? 0);
    this.#longText = new LongText(this.#lexer.leaveToken().subarray(1, -1));
    this.#onScalar(this.#longText);
  }

  #accept(kind: TokenKind, text: string, bytes: Uint8Array): void {
    switch (kind) {
      case "string":
        return this.#onScalar(stringOf(bytes));
      case "integer":
        return this.#onScalar(integerOf(text));
      case "float":
        return this.#onScalar(new Float(Number(text)));
      case "keyword":
        return this.#onScalar(keywordOf(text));
      case "{":
        return this.#open(Object.create(null));
      case "[":
        return this.#open([]);
      default:
        return this.#onPunctuation(kind);
    }
  }

  #onScalar(value: unknown): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) this.#value = value;
    else if (isKeyNext(frame)) takeKey(frame, value);
    else this.#put(frame, value);
  }

  #open(container: Frame["container"]): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) this.#value = container;
    else if (isKeyNext(frame)) throw new BadLiteral("key is not a string in object");
    else this.#put(frame, container);
    this.#frames.push({ container, key: "", expects: "first" });
  }

  #put({ container, key, expects }: Frame, value: unknown): void {
    const isArray = Array.isArray(container);
    if (expects !== "value" && !(isArray && expects === "first")) {
      throw new BadLiteral(
        expects === "colon"
          ? "missing : in object pair"
          : `expected separator in ${isArray ? "list" : "dict"}`,
      );
    }
    if (isArray) container.push(value);
    else container[key] = value;
    const frame = this.#frames.at(-1);
    if (frame !== undefined) frame.expects = "separator";
  }

  #onPunctuation(kind: "}" | "]" | ":" | ","): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) throw new BadLiteral("expecting value");
    const { container, expects } = frame;
    const isArray = Array.isArray(container);
    if (kind === (isArray ? "]" : "}") && (expects === "first" || expects === "separator")) {
      this.#frames.pop();
    } else if (kind === "," && expects === "separator") {
      frame.expects = isArray ? "value" : "key";
    } else if (kind === ":" && expects === "colon") {
      frame.expects = "value";
    } else if (isKeyNext(frame)) {
      throw new BadLiteral("key is not a string in object");
    } else if (expects === "colon") {
      throw new BadLiteral("missing : in object pair");
    } else {
      throw new BadLiteral(
        expects === "separator"
          ? `expected separator in ${isArray ? "list" : "dict"}`
          : "expecting value",
      );
    }
  }

  #emit(): void {
    const failure = this.#failure;
    const value = this.#value;
    const bytes = this.#bytes;
    countLongMessage(bytes, this.#tokens);
    this.#reset();
    if (failure === undefined) {
      if (this.#sink?.onValue(value, bytes)) this.#lexer.pause();
    } else this.#sink?.onError(`JSON parse error, ${failure}`);
  }

  #fail(description: string): void {
    this.#reset();
    this.#sink?.onError(description);
  }

  #reset(): void {
    this.#frames = [];
    this.#value = undefined;
    this.#failure = undefined;
    this.#braces =
      this.#brackets =
      this.#bytes =
      this.#tokens =
        0;
  }
}

const tooLong = (bytes: number) =>
  `JSON token size limit exceeded: a request may have ${bytes} bytes`;

const isKeyNext = ({ container, expects }: Frame) =>
  !Array.isArray(container) && (expects === "first" || expects === "key");

function takeKey(frame: Frame, key: unknown): void {
  if (typeof key !== "string") throw new BadLiteral("key is not a string in object");
  if (Object.hasOwn(frame.container, key)) throw new BadLiteral("duplicate key");
  frame.key = key;
  frame.expects = "colon";
}
