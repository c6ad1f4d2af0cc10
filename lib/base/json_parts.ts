/**
 * A value that is JSON already.
 *
 * @module
 */

/** The JSON of a value in parts: text, and text in bytes, which are copied only when they are sent. */
export class JsonParts {
  /** @param parts Together, the JSON of one value. */
  constructor(readonly parts: readonly (string | Uint8Array<ArrayBuffer>)[]) {}

  /** The value, for when it is serialised like any other. */
  toJSON(): unknown {
    const decoder = new TextDecoder();
    const texts = this.parts.map((part) => typeof part === "string" ? part : decoder.decode(part));
    return JSON.parse(texts.join(""));
  }
}
