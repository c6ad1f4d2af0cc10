import { assertEquals } from "@std/assert";
import { isManaged, isNamed } from "../../../lib/policy/managed.ts";

for (
  const [name, list, expected] of [
    ["deploy", [], false],
    ["deploy", ["deploy"], true],
    ["deploy2", ["deploy"], false],
    ["app-1", ["app-*"], true],
    ["xapp-1", ["app-*"], false],
    ["app-", ["app-*"], true],
    ["a.b", ["a?b", "a.b*"], true],
    ["axb", ["a.b", "a.b*"], false],
    ["anything", ["*"], true],
    ["a-x-b", ["a*x*b"], true],
  ] as const
) {
  Deno.test(`isManaged() says ${expected} for ${name} with ${JSON.stringify(list)}`, () => {
    assertEquals(isManaged(name, list), expected);
  });
}

Deno.test("isNamed() does not look at patterns", () => {
  assertEquals([isNamed("root", ["*"]), isNamed("root", ["root"])], [false, true]);
});
