import { assertEquals, assertThrows } from "@std/assert";
import { decodeBase64, decodeInPieces } from "../../../handlers/qga/_base64.ts";
import { RpcError } from "../../../lib/base/errors.ts";

/** The bytes, and the sizes of the pieces in which they came. */
function inPieces(text: string) {
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
