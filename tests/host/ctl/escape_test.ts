import { assertEquals } from "@std/assert";
import { EscapeFilter } from "../../../host/ctl/escape.ts";

/** What passes of these chunks, and whether they leave. */
function take(...chunks: readonly string[]): [passed: string, leaves: boolean] {
  const filter = new EscapeFilter();
  let passed = "";
  for (const chunk of chunks) {
    const taken = filter.take(new TextEncoder().encode(chunk));
    passed += new TextDecoder().decode(taken.passed);
    if (taken.leaves) return [passed, true];
  }
  return [passed, false];
}

for (
  const [chunks, passed, leaves] of [
    [["~."], "", true],
    [["~", "."], "", true],
    [["ls\r~."], "ls\r", true],
    [["ls\n~.after"], "ls\n", true],
    [["cd ~."], "cd ~.", false],
    [["~~."], "~.", false],
    [["~~~."], "~~.", false],
    [["~x"], "~x", false],
    [["~", "\r~."], "~\r", true],
    [["a~.", "\r", "~", "~", "\r"], "a~.\r~\r", false],
    [["ü\x03\x1b[A"], "ü\x03\x1b[A", false],
  ] as const
) {
  Deno.test(`EscapeFilter passes ${JSON.stringify(passed)} of ${JSON.stringify(chunks)}`, () => {
    assertEquals(take(...chunks), [passed, leaves]);
  });
}
