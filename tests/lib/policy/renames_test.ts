import { assertEquals, assertThrows } from "@std/assert";
import { RpcError } from "../../../lib/base/errors.ts";
import { POSIX_PATHS } from "../../../lib/policy/paths.ts";
import { checkRename, refuseEntry } from "../../../lib/policy/renames.ts";

const at = (path: string, root = "/w") => ({ path, root });

/** The code of the refusal, or 0. */
function codeOf(act: () => void): number {
  try {
    act();
    return 0;
  } catch (error) {
    return error instanceof RpcError ? error.code : NaN;
  }
}

for (
  const [what, from, to, readable, code] of [
    ["neither path can be read", "/w/a", "/w/b", ["/r"], 0],
    ["both can be read", "/w/a", "/w/b", ["/w"], 0],
    ["the old path can be read and the new one cannot", "/w/pub/a", "/w/b", ["/w/pub"], 0],
    ["the new path would be readable", "/w/a", "/w/pub/a", ["/w/pub"], -32001],
    ["the new path is the readable one", "/w/a", "/w/pub", ["/w/pub"], -32001],
    ["something in the directory would be readable", "/w/a", "/w/b", ["/w/b/c"], -32001],
    ["only something in the old directory can be read", "/w/a", "/w/b", ["/w/a/c", "/w/b"], -32001],
    ["a name only begins like a readable one", "/w/a", "/w/public", ["/w/pub"], 0],
    ["the paths are the same", "/w/a", "/w/a", [], -32602],
    ["the new path is inside the old one", "/w/a", "/w/a/b", [], -32602],
  ] as const
) {
  Deno.test(`a rename when ${what}: ${code === 0 ? "allowed" : code}`, () => {
    assertEquals(codeOf(() => checkRename(at(from), at(to), readable, POSIX_PATHS)), code);
  });
}

Deno.test("an allowed path itself is neither renamed nor removed", () => {
  assertEquals(codeOf(() => checkRename(at("/w"), at("/v", "/v"), [], POSIX_PATHS)), -32001);
  assertThrows(() => refuseEntry(at("/w"), "removed", POSIX_PATHS), RpcError, "cannot be removed");
  refuseEntry(at("/w/a"), "removed", POSIX_PATHS);
});
