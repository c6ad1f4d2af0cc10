import { assert, assertEquals } from "@std/assert";
import { UnfinishedToken } from "../../../../lib/dialects/qga/unfinished_token.ts";

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

Deno.test("a token that came in one piece is not copied", () => {
  const rest = bytes(3, 1);
  assert(new UnfinishedToken(10).finish(rest) === rest);
});

Deno.test("a token has the bytes of all its pieces, though their buffers were used again", () => {
  const token = new UnfinishedToken(1000);
  const piece = bytes(2, 1);
  token.keep(piece, false);
  piece.fill(2);
  token.keep(piece, false);
  assertEquals([...token.finish(bytes(1, 3))], [1, 1, 2, 2, 3]);
});

Deno.test("a token that is forgotten leaves nothing to the next one, whatever its size", () => {
  for (const length of [10, 200_000]) {
    const token = new UnfinishedToken(1_000_000);
    token.keep(bytes(length, 1), false);
    token.forget();
    token.keep(bytes(1, 2), false);
    assertEquals([...token.finish(bytes(1, 3))], [2, 3]);
  }
});

Deno.test("a token over the limit is not kept and is forgotten; its last piece may exceed it", () => {
  const token = new UnfinishedToken(4);
  assertEquals([token.keep(bytes(4, 1), false), token.finish(bytes(2, 2)).byteLength], [true, 6]);
  token.forget();
  assertEquals([token.keep(bytes(3, 1), false), token.keep(bytes(2, 1), false)], [true, false]);
  assertEquals([...token.finish(bytes(1, 7))], [7]);
});

Deno.test("a token that grows over many sizes of buffers keeps its bytes", () => {
  const token = new UnfinishedToken(1_000_000);
  for (let index = 0; index < 300; index++) token.keep(bytes(1000, index % 256), false);
  const whole = token.finish(bytes(1, 9));
  assertEquals(whole.byteLength, 300_001);
  for (let index = 0; index < 300; index++) {
    assertEquals([whole[index * 1000], whole[index * 1000 + 999]], [index % 256, index % 256]);
  }
});

Deno.test("a token that is left to somebody is not touched by the next one", () => {
  const token = new UnfinishedToken(1_000_000);
  token.keep(bytes(200_000, 1), true);
  token.finish(bytes(1, 1));
  const left = token.leave();
  token.forget();
  token.keep(bytes(200_000, 2), true);
  token.finish(bytes(1, 2));
  token.forget();
  assertEquals([left.byteLength, left.every((byte) => byte === 1)], [200_001, true]);
});
