import { assertEquals } from "@std/assert";
import { HeldRecords } from "../../../../../lib/platform/linux/privileged/held_records.ts";

Deno.test("records are written at once, kept while held, and written in their order", () => {
  const written: string[] = [];
  const records = new HeldRecords((line) => written.push(line));
  records.write("a");
  records.isHeld = true;
  records.write("b");
  records.write("c");
  assertEquals(written, ["a"]);
  records.isHeld = false;
  records.write("d");
  assertEquals(written, ["a", "b", "c", "d"]);
});

Deno.test("the number of held records is bounded", () => {
  const written: string[] = [];
  const records = new HeldRecords((line) => written.push(line));
  records.isHeld = true;
  for (let count = 0; count < 5000; count++) records.write("line");
  records.isHeld = false;
  assertEquals(written.length, 1000);
});
