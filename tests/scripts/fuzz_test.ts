/**
 * The corpus of the fuzzer, and the fuzzer itself.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import * as z from "zod";
import { CORPUS, namesIn } from "../../scripts/fuzz/corpus.ts";
import { inputOf, run } from "../../scripts/fuzz/run.ts";
import { target } from "../../scripts/fuzz/target.ts";
import { TARGETS } from "../../scripts/fuzz/targets/mod.ts";

const FUZZ = fromFileUrl(new URL("../../scripts/fuzz.ts", import.meta.url));

Deno.test("every folder of the corpus is one of a target", async () => {
  assertEquals(await namesIn(CORPUS), TARGETS.map(({ name }) => name).sort());
});

Deno.test("what the fuzzer has found is mended", async () => {
  // A process of its own: the path policy changes the working directory.
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", FUZZ, "--replay"],
    stderr: "inherit",
  }).output();
  const report = new TextDecoder().decode(stdout);
  assert(success, report);
  const files = await Promise.all(TARGETS.map(async ({ name }) => {
    const names = await namesIn(`${CORPUS}/${name}`);
    assert(names.length > 0, `a corpus for ${name}`);
    return names.map((file) => `ok ${name}/${file}`);
  }));
  const lines = report.trim().split("\n").map((line) => line.slice(0, line.indexOf(":")));
  assertEquals(lines, files.flat());
});

Deno.test("the same seed makes the same inputs, another one others", () => {
  for (const target of TARGETS) {
    const inputs = (seed: string) =>
      JSON.stringify(Array.from({ length: 20 }, (_, index) => inputOf(target, seed, index)));
    assertEquals(inputs("a"), inputs("a"), target.name);
    assert(inputs("a") !== inputs("b"), target.name);
  }
});

Deno.test("a fault is found, and its input made as small as it can be", async () => {
  const faulty = target({
    name: "faulty",
    input: z.strictObject({ text: z.string(), more: z.array(z.number()) }),
    generate: (random) => ({
      text: String.fromCharCode(...random.many(40, () => random.between(0x61, 0x7a))),
      more: random.many(5, () => random.below(1000)),
    }),
    open: () => ({ text }) => assert(!text.includes("q"), "a fault"),
  });
  const { finds, counts } = await run([faulty], { seconds: 10, seed: "planted" });
  assertEquals(finds.map(({ target, input }) => ({ target, input })), [
    { target: "faulty", input: { text: "q", more: [] } },
  ]);
  assertEquals(counts.get("faulty"), (finds[0]?.index ?? 0) + 1);
});
