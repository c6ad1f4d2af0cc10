import { assert, assertEquals } from "@std/assert";
import { countJsonValues, MAX_VALUES } from "../../../../lib/base/memory/json_values.ts";

Deno.test("members and elements are counted, however they are nested", () => {
  for (
    const [text, least] of [
      [`[${"1,".repeat(99)}1]`, 100],
      [`[${"{},".repeat(99)}{}]`, 100],
      ["[".repeat(100) + "]".repeat(100), 100],
      [`${'{"a":'.repeat(100)}1${"}".repeat(100)}`, 100],
      [JSON.stringify({ a: 1, b: [2, 3], c: {} }), 5],
    ] as const
  ) {
    const values = countJsonValues(text);
    assert(values >= least && values <= 2 * least + 1, `${values} in ${text}`);
  }
});

Deno.test("commas and brackets in strings do not bring a message over the limit", () => {
  for (const content of [",".repeat(60_000), "[{,".repeat(20_000), '\\",'.repeat(20_000)]) {
    assertEquals(countJsonValues(`{"content":"${content}"}`) <= MAX_VALUES, true);
  }
});

Deno.test("what is over the limit is known as such", () => {
  for (const element of ["1", "{}", '""', "[]", '"a,b"']) {
    const text = `[${Array.from({ length: MAX_VALUES + 2 }, () => element).join(",")}]`;
    assert(countJsonValues(text) > MAX_VALUES, element);
  }
});
