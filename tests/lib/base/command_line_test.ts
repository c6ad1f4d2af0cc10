import { assertEquals, assertThrows } from "@std/assert";
import { refuseUnknown, single, UsageError } from "../../../lib/base/command_line.ts";

Deno.test("an option that was not declared is refused, with a hint", () => {
  const refused = assertThrows(() => refuseUnknown("--bogus", "bogus"), UsageError);
  assertEquals(refused.message, "unknown option --bogus; see --help");
});

Deno.test("a positional argument is left alone", () => {
  assertEquals(refuseUnknown("file"), true);
});

Deno.test("single() returns the one value, or undefined if there is none", () => {
  assertEquals([single(["a"], "config"), single([], "config")], ["a", undefined]);
});

Deno.test("single() refuses an option that was given twice", () => {
  const refused = assertThrows(() => single(["a", "a"], "config"), UsageError);
  assertEquals(refused.message, "--config was given more than once");
});

Deno.test("single() refuses an option without a value", () => {
  const refused = assertThrows(() => single([""], "config"), UsageError);
  assertEquals(refused.message, "--config needs a value");
});
