import { assertEquals, assertMatch } from "@std/assert";
import {
  checkDigest,
  fileCursor,
  type FilePosition,
  parseFileCursor,
} from "../../../../../lib/platform/linux/logs/file_cursor.ts";
import { rpcErrorOf } from "../../../_helpers.ts";

const POSITION: FilePosition = {
  identity: "2049-131077",
  offset: 4096,
  digest: await checkDigest(new TextEncoder().encode("before")),
  modifiedMs: 1_702_123_456_789,
  isMidLine: true,
};

Deno.test("a file cursor contains its position, and belongs to its path", async () => {
  const cursor = await fileCursor("/var/log/a", POSITION);
  assertMatch(cursor, /^[0-9a-z.-]+$/);
  assertEquals(await parseFileCursor("/var/log/a", cursor), POSITION);
  const error = await rpcErrorOf(() => parseFileCursor("/var/log/b", cursor));
  assertEquals(error.code, -32602);
  assertMatch(error.message, /^cursor belongs to another path;/);
});

Deno.test("anything but a file cursor is refused with -32602:", async (t) => {
  const cursor = await fileCursor("/var/log/a", POSITION);
  const bad = {
    empty: "",
    garbage: "garbage",
    "a cursor of the journal": "j1.00000000.@1",
    "a negative offset": cursor.replace(".4096.", ".-4096."),
    "a fraction": cursor.replace(".4096.", ".40.96."),
    "an offset beyond every file": cursor.replace(".4096.", ".9999999999999999."),
    "a newline at its end": `${cursor}\n`,
    "a megabyte": "f".repeat(1024 * 1024),
  };
  for (const [name, text] of Object.entries(bad)) {
    await t.step(name, async () => {
      assertEquals((await rpcErrorOf(() => parseFileCursor("/var/log/a", text))).code, -32602);
    });
  }
});
