import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { RpcError } from "../../../../lib/base/errors.ts";
import { foldCase, WINDOWS_PATHS } from "../../../../lib/platform/windows/paths.ts";
import { allowPath } from "../../../../lib/policy/paths.ts";

const { normalize, isInside, parentOf } = WINDOWS_PATHS;

const drive = fc.constantFrom("C:", "D:", "c:");
const good = fc.constantFrom(
  "a",
  "A",
  "b",
  "aa",
  "é",
  "É",
  "e\u0301",
  "ß",
  "SS",
  "a b",
  ".x",
  "x.y",
);
/** Names that Windows would rewrite, or open as something else. */
const bad = fc.oneof(
  fc.constantFrom("a ", "a.", "...", ".. ", "NUL", "con.txt", "AUX .c", "COM¹", "LPT1.a.b"),
  fc.constantFrom("PROGRA~1", "A~12.TXT", "a:b", "a::$DATA", ":", "C:", "a*", "a?", "a\n", '"'),
);
const separator = fc.constantFrom("\\", "/", "\\\\");
const step = fc.oneof(good, fc.constantFrom(".", "..", ""));

const pathOf = (name: fc.Arbitrary<string>) =>
  fc.tuple(drive, separator, fc.array(fc.tuple(name, separator), { maxLength: 8 })).map((
    [drive, first, names],
  ) => `${drive}${first}${names.flat().join("")}`);
const normal = fc.tuple(fc.constantFrom("C:", "D:"), fc.array(good, { maxLength: 5 })).map((
  [drive, names],
) => `${drive}\\${names.join("\\")}`);

/** Where walking a path step by step ends. */
function walked(path: string): string {
  const names: string[] = [];
  for (const name of path.slice(2).split(/[\\/]/)) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `${path.slice(0, 1).toUpperCase()}:\\${names.join("\\")}`;
}

Deno.test("a Windows path is normalised to where walking it ends, and stays there", () => {
  fc.assert(fc.property(pathOf(step), (path) => {
    const found = normalize(path);
    assertEquals(found, walked(path));
    assertEquals(normalize(found), found);
    assert(isInside(found, parentOf(found)));
  }));
});

Deno.test("one bad name anywhere in a Windows path refuses it, even if .. removes the name", () => {
  const names = (name: fc.Arbitrary<string>) => fc.array(name, { maxLength: 4 });
  fc.assert(fc.property(drive, names(step), bad, names(step), (drive, before, name, after) => {
    const path = [drive, ...before, name, ...after].join("\\");
    try {
      normalize(path);
    } catch (error) {
      return assert(error instanceof RpcError && error.kind === "invalidParams", String(error));
    }
    throw new Error(`${JSON.stringify(path)} was accepted`);
  }));
});

Deno.test("any text is refused with -32602, or is one drive, backslashes and whole names", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.tuple(drive, fc.string({ unit: "binary" })).map(([drive, rest]) => `${drive}\\${rest}`),
  );
  fc.assert(fc.property(text, (path) => {
    let found;
    try {
      found = normalize(path);
    } catch (error) {
      return assert(error instanceof RpcError && error.kind === "invalidParams", String(error));
    }
    const [first, ...names] = found.split("\\");
    assert(/^[A-Z]:$/.test(first ?? ""));
    if (names.length === 1 && names[0] === "") return;
    for (const name of names) {
      assert([...name].every((char) => char >= " " && !'<>:"|?*/'.includes(char)));
      assert(/[^. ]$/.test(name));
    }
  }));
});

Deno.test("on Windows, inside is a matter of whole names and not of case", () => {
  fc.assert(fc.property(normal, normal, (path, root) => {
    const [names, rootNames] = [path, root].map((one) =>
      foldCase(one).split("\\").filter((name) => name !== "")
    );
    assertEquals(isInside(path, root), rootNames?.every((name, index) => names?.[index] === name));
    const turned = path.replace(
      /[a-z]/gi,
      (letter) => letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
    );
    assertEquals(isInside(turned, root), isInside(path, root));
  }));
});

Deno.test("a Windows path is allowed by the longest entry that holds it, and by nothing else", () => {
  fc.assert(fc.property(pathOf(step), fc.array(normal, { maxLength: 4 }), (path, roots) => {
    const holding = roots.filter((root) => isInside(walked(path), root));
    try {
      const allowed = allowPath(path, roots, { list: "setting", rules: WINDOWS_PATHS });
      assertEquals(allowed.path, walked(path));
      assertEquals(allowed.root.length, Math.max(...holding.map((root) => root.length)));
    } catch (error) {
      assert(error instanceof RpcError, String(error));
      assertEquals([error.kind, holding], ["permissionDenied", []]);
    }
  }));
});
