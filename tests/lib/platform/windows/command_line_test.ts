import { assertEquals } from "@std/assert";
import { commandLine } from "../../../../lib/platform/windows/command_line.ts";

for (
  const [words, line] of [
    [["deno.exe", "run"], "deno.exe run"],
    [["C:\\Program Files\\deno.exe"], '"C:\\Program Files\\deno.exe"'],
    [["--allow-read=C:\\My Files\\"], '"--allow-read=C:\\My Files\\\\"'],
    [["C:\\plain\\"], "C:\\plain\\"],
    [['say "hi"'], '"say \\"hi\\""'],
    [['a\\"b'], '"a\\\\\\"b"'],
    [["", "x"], '"" x'],
  ] as const
) {
  Deno.test(`a command line of ${JSON.stringify(words)}`, () => {
    assertEquals(commandLine(words), line);
  });
}
