import { assertEquals, assertThrows } from "@std/assert";
import { lazily } from "../../../lib/base/lazily.ts";

Deno.test("lazily() makes its value once, when it is first needed, whatever it is", () => {
  for (const value of [undefined, null, 0, { a: 1 }]) {
    let made = 0;
    const lazy = lazily(() => {
      made += 1;
      return value;
    });
    assertEquals(made, 0);
    assertEquals(lazy(), value);
    assertEquals(lazy(), value);
    assertEquals(made, 1);
  }
});

Deno.test("lazily() tries again when making failed", () => {
  let tries = 0;
  const lazy = lazily(() => {
    tries += 1;
    if (tries === 1) throw new Error("not yet");
    return tries;
  });
  assertThrows(lazy, Error, "not yet");
  assertEquals(lazy(), 2);
});
