import { assert, assertEquals } from "@std/assert";
import manifest from "../../../deno.json" with { type: "json" };
import { v8FlagsFor } from "../../../scripts/bench/compilers.ts";

Deno.test("v8FlagsFor() has the shipped flags for the shipped compiler", () => {
  assertEquals(v8FlagsFor("none").toSorted(), manifest.v8Flags.toSorted());
});

Deno.test("v8FlagsFor() replaces only the flags of the compiler", () => {
  const flags = v8FlagsFor("maglev");
  assert(!flags.includes("--jitless"));
  assert(flags.includes("--maglev"));
  for (const flag of manifest.v8Flags) assert(flag === "--jitless" || flags.includes(flag), flag);
});
