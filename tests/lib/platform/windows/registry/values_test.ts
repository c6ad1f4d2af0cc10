import { assertEquals } from "@std/assert";
import { dataOf, typeName } from "../../../../../lib/platform/windows/registry/values.ts";
import { dword, multiText, stored, text } from "../_registry.ts";

for (
  const [what, value, type, data] of [
    ["text", text("a", "Übergröße 🚀"), "REG_SZ", "Übergröße 🚀"],
    ["text without its NUL", stored("a", 1, [0x61, 0]), "REG_SZ", "a"],
    ["text with two", stored("a", 1, [0x61, 0, 0, 0, 0, 0]), "REG_SZ", "a"],
    ["no bytes at all", stored("a", 1, []), "REG_SZ", ""],
    ["text with half a character", stored("a", 1, [0x61]), "REG_SZ", undefined],
    ["an unpaired surrogate", text("a", "\ud800"), "REG_SZ", "\ud800"],
    ["text with variables", stored("a", 2, [0x25, 0]), "REG_EXPAND_SZ", "%"],
    ["a number", dword("a", 0xffff_fffe), "REG_DWORD", 0xffff_fffe],
    ["half a number", stored("a", 4, [1, 0]), "REG_DWORD", undefined],
    ["a list", multiText("a", ["x", "yz"]), "REG_MULTI_SZ", ["x", "yz"]],
    ["an empty list", multiText("a", []), "REG_MULTI_SZ", []],
    ["an empty list of no bytes", stored("a", 7, []), "REG_MULTI_SZ", []],
    ["a list that begins with a separator", multiText("a", ["", "x"]), "REG_MULTI_SZ", ["x"]],
    ["bytes", stored("a", 3, [1]), "REG_BINARY", undefined],
    ["a type that nobody knows", stored("a", 99, [1]), "type 99", undefined],
    ["a value that is too large", { name: "a", type: 1, sizeBytes: 9 }, "REG_SZ", undefined],
  ] as const
) {
  Deno.test(`the registry's ${what} is read as it is meant`, () => {
    assertEquals([typeName(value), dataOf(value)], [type, data]);
  });
}
