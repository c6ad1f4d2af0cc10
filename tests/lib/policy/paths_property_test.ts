import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { RpcError } from "../../../lib/base/errors.ts";
import { allowPath, isInside, normalizePath, POSIX_PATHS } from "../../../lib/policy/paths.ts";

const name = fc.oneof(
  fc.constantFrom("a", "b", "aa", "...", ". ", "é", "e\u0301", "-", "\n"),
  fc.string({ minLength: 1, maxLength: 5 }).filter((text) => !/[/\0]|^\.\.?$/.test(text)),
);
/** An absolute path that is normal already. */
const normal = fc.array(name, { maxLength: 5 }).map((names) => `/${names.join("/")}`);
/** What may come from the wire. */
const written = fc.array(fc.oneof(name, fc.constantFrom(".", "..", "")), { maxLength: 8 })
  .map((names) => `/${names.join("/")}`);

/** What a path comes to, one step after the other. */
function walked(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

Deno.test("normalizePath() comes to what walking the path comes to, and stays there", () => {
  fc.assert(fc.property(written, (path) => {
    const found = normalizePath(path);
    assertEquals(found, walked(path));
    assertEquals(normalizePath(found), found);
  }));
});

Deno.test("isInside() is a matter of whole components", () => {
  fc.assert(fc.property(normal, normal, (path, root) => {
    const [names, rootNames] = [path, root].map((one) => one.split("/").filter(Boolean));
    const expected = rootNames?.every((name, index) => names?.[index] === name);
    assertEquals(isInside(path, root), expected);
    assert(isInside(path, path) && isInside(path, "/"));
  }));
});

Deno.test("allowPath() allows what is inside of some entry, by the longest, and nothing else", () => {
  fc.assert(fc.property(written, fc.array(normal, { maxLength: 4 }), (path, roots) => {
    const holding = roots.filter((root) => isInside(walked(path), root));
    const longest = Math.max(...holding.map((root) => root.length));
    try {
      const allowed = allowPath(path, roots, { list: "setting", rules: POSIX_PATHS });
      assertEquals(allowed.path, walked(path));
      assert(holding.includes(allowed.root));
      assertEquals(allowed.root.length, longest);
    } catch (error) {
      assert(error instanceof RpcError, String(error));
      assertEquals([error.kind, holding], ["permissionDenied", []]);
    }
  }));
});
