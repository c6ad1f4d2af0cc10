import { assertEquals } from "@std/assert";
import {
  bytesOfPath,
  textOfPaths,
} from "../../../../../lib/platform/linux/privileged/path_text.ts";

const PATHS: readonly (readonly [string, readonly number[], string])[] = [
  ["ASCII", [0x2f, 0x61, 0x0a], "/a\n"],
  ["UTF-8", [...new TextEncoder().encode("/ä€😀")], "/ä€😀"],
  ["a byte that is not UTF-8", [0x2f, 0xff], "/\udcff"],
  [
    "a sequence that is cut off, beside others",
    [0xc3, 0xa4, 0xc3, 0x2f, 0xe2, 0x82],
    "ä\udcc3/\udce2\udc82",
  ],
  ["an encoded surrogate", [0xed, 0xb3, 0xbf], "\udced\udcb3\udcbf"],
  ["an overlong slash", [0xc0, 0xaf], "\udcc0\udcaf"],
  ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"],
  ["a byte order mark", [0xef, 0xbb, 0xbf, 0xff], "\ufeff\udcff"],
];

for (const [what, bytes, text] of PATHS) {
  Deno.test(`a path with ${what} becomes text, and the same bytes again`, () => {
    assertEquals(textOfPaths(Uint8Array.from(bytes)), text);
    assertEquals([...bytesOfPath(text)], bytes);
  });
}
