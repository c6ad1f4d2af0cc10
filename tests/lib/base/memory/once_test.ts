import { assertEquals, assertThrows } from "@std/assert";
import { Once } from "../../../../lib/base/memory/once.ts";

Deno.test("Once shows its value until it is taken", () => {
  const value = { large: "text" };
  const once = new Once(value);
  assertEquals([once.value === value, once.value === value, once.take() === value], [
    true,
    true,
    true,
  ]);
  for (const use of [() => once.take(), () => once.value]) {
    assertThrows(use, Error, "the value has been taken");
  }
});

Deno.test("Once holds undefined like any other value", () => {
  const once = new Once(undefined);
  assertEquals([once.value, once.take()], [undefined, undefined]);
  assertThrows(() => once.take(), Error, "the value has been taken");
});
