import { assertEquals, assertThrows } from "@std/assert";
import { decodeBase64, decodeInPieces } from "../../../handlers/qga/_base64.ts";
import { LongText } from "../../../lib/base/memory/long_text.ts";
import { RpcError } from "../../../lib/base/errors.ts";

const longText = (text: string) => new LongText(new TextEncoder().encode(text));

/** The bytes, and the sizes of the pieces in which they came. */
function inPieces(text: string | LongText) {
  const { byteLength, pieces, release } = decodeInPieces(text, "buf-b64");
  const bytes: number[] = [];
  const sizes: number[] = [];
  for (const piece of pieces()) {
    for (const byte of piece) bytes.push(byte);
    sizes.push(piece.byteLength);
  }
  release();
  assertEquals(byteLength, bytes.length);
  return { bytes, sizes };
}

const RIGHT: readonly (readonly [string, string])[] = [
  ["", ""],
  ["YWJj", "abc"],
  ["YWJj\nZGVm\n", "abcdef"],
  ["\nYW\nJj", "abc"],
  ["YQ==", "a"],
  ["YQ==\n", "a"],
  // An incomplete group is dropped, as in qemu-ga.
  ["YQ", ""],
  ["YWJjY", "abc"],
];

for (const [text, expected] of RIGHT) {
  Deno.test(`${JSON.stringify(text)} is decoded`, () => {
    const bytes = [...new TextEncoder().encode(expected)];
    assertEquals([...decodeBase64(text, "buf-b64")], bytes);
    assertEquals(inPieces(text).bytes, bytes);
  });
}

for (
  const text of ["YW Jj", "YWJj\t", "YWJj\r\n", "YWJj\f", "!", "YQ==YQ==", "YQ=a", "=", "YW-_", "ä"]
) {
  Deno.test(`${JSON.stringify(text)} is refused`, () => {
    const message = "Invalid base64 in parameter 'buf-b64'";
    assertThrows(() => decodeBase64(text, "buf-b64"), RpcError, message);
    assertThrows(() => decodeInPieces(text, "buf-b64"), RpcError, message);
  });
}

Deno.test("a long text comes in pieces, and an error at its end is found before the first", () => {
  const bytes = Uint8Array.from({ length: 500_000 }, (_, index) => index * 7);
  const text = bytes.toBase64();
  for (const long of [text, text.replace(/.{76}/g, "$&\n")]) {
    const { bytes: decoded, sizes } = inPieces(long);
    assertEquals(Uint8Array.from(decoded), bytes);
    assertEquals(sizes, [98_304, 98_304, 98_304, 98_304, 98_304, 8480]);
  }
  assertThrows(() => decodeInPieces(`${text}!`, "buf-b64"), RpcError);
});

const BYTES = Uint8Array.from({ length: 150_000 }, (_, index) => index * 7);
const TEXT = BYTES.toBase64();

Deno.test("a long text that stayed bytes comes in the same pieces", () => {
  for (
    const text of [TEXT, BYTES.subarray(1).toBase64(), TEXT.slice(0, -1), TEXT.slice(0, -3), ""]
  ) {
    assertEquals(inPieces(longText(text)), inPieces(text), text.slice(-8));
  }
});

for (const character of [" ", "=", "==", "!", "-"]) {
  Deno.test(`a long text that stayed bytes is refused with ${character} where a string is`, () => {
    const refused = (text: string | LongText) => {
      try {
        decodeInPieces(text, "buf-b64").release();
        return false;
      } catch (error) {
        return error instanceof RpcError;
      }
    };
    // Around the ends of steps and of the text.
    for (const end of [32_768, 65_536, 131_072, TEXT.length]) {
      for (let at = end - 5; at <= Math.min(end + 5, TEXT.length); at++) {
        for (const rest of [at, at + character.length]) {
          const text = TEXT.slice(0, at) + character + TEXT.slice(rest);
          assertEquals(refused(longText(text)), refused(text), `${character} at ${at}`);
        }
      }
    }
  });
}
