import { assertEquals } from "@std/assert";
import { KeptTexts } from "../../../../../lib/platform/linux/privileged/kept_texts.ts";
import { namesIn, TempDirectory } from "../../../_helpers.ts";

Deno.test("a kept text is in a file that only its owner can read, and is gone afterwards", async () => {
  await using directory = await TempDirectory.make();
  const kept = directory.at("kept");
  {
    const texts = new KeptTexts(kept);
    await using _texts = texts;
    const paths = [await texts.keep("one"), await texts.keep("two")];
    assertEquals(await Promise.all(paths.map((path) => Deno.readTextFile(path))), ["one", "two"]);
    const modes = paths.map((path) => (Deno.statSync(path).mode ?? 0) & 0o777);
    assertEquals(modes, [0o600, 0o600]);
  }
  assertEquals(await namesIn(kept), []);
});
