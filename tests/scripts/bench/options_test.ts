import { assertEquals, assertThrows } from "@std/assert";
import { OptionError, readOptions } from "../../../scripts/bench/options.ts";

Deno.test("readOptions() measures everything five times without a compiler by default", () => {
  assertEquals(readOptions([]), {
    rounds: 5,
    only: "",
    format: "markdown",
    compilers: ["none"],
  });
});

Deno.test("readOptions() reads every option", () => {
  assertEquals(readOptions(["--rounds", "2", "--only", "ping", "--short", "--compiler=both"]), {
    rounds: 2,
    only: "ping",
    format: "short",
    compilers: ["none", "maglev"],
  });
  assertEquals(readOptions(["--json", "--compiler", "maglev"]).compilers, ["maglev"]);
});

for (
  const [args, message] of [
    [["--rounds", "0"], 'from 1, received "0"'],
    [["--rounds", "x"], 'from 1, received "x"'],
    [["--compiler", "turbofan"], 'received "turbofan"'],
    [["--json", "--short"], "choose one of --short and --json"],
    [["--fast"], 'unknown argument "--fast"'],
  ] as const
) {
  Deno.test(`readOptions() refuses ${args.join(" ")}`, () => {
    assertThrows(() => readOptions(args), OptionError, message);
  });
}
