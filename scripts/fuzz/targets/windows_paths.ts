import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import { RpcError } from "../../../lib/base/errors.ts";
import { WINDOWS_PATHS } from "../../../lib/platform/windows/paths.ts";
import { allowPath } from "../../../lib/policy/paths.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";
import { text } from "../values.ts";

const Input = z.strictObject({ roots: z.array(z.string()), path: z.string() });

/**
 * The path policy of Windows against what Windows makes of a path: an allowed path is one that
 * Windows would leave as it is, that names a file and not a device or a stream, and that is below
 * the entry that allows it.
 */
export const windowsPaths = target({
  name: "windows_paths",
  input: Input,
  generate: (random) => ({
    roots: random.many(3, () => `C:\\${random.many(2, () => random.pick(NAMES)).join("\\")}`),
    path: pathFrom(random),
  }),
  open: () => check,
});

const NAMES = ["a", "A", "b", "é", "É", "ß", "a b", "x.txt", ".x"];
const STARTS = ["C:", "c:", "D:", "", "\\\\?\\C:", "\\\\.\\C:", "\\\\server\\share", "\\??\\C:"];
const TWISTS = [".", "..", "", " ", "...", ".. ", "a.", "a ", "NUL", "con.txt", "aux .x", "COM¹"];
const SPELLINGS = ["PROGRA~1", "A~1.TXT", "a:s", "a::$DATA", "a*", "\0", "\ud83d", "C:", "a/../b"];

function nameFrom(random: Random): string {
  if (random.oneIn(20)) return text(random);
  return random.pick(random.oneIn(3) ? random.oneIn(2) ? TWISTS : SPELLINGS : NAMES);
}

function pathFrom(random: Random): string {
  if (random.oneIn(20)) return text(random);
  const start = random.oneIn(3) ? random.pick(STARTS) : "C:";
  return random.many(5, () => random.pick(["\\", "\\", "/"]) + nameFrom(random))
    .reduce((path, name) => path + name, start);
}

/** What Windows opens for a path with a drive: RtlGetFullPathName_U, in a few words. */
function opened(path: string): string {
  const names: string[] = [];
  for (const written of path.slice(2).split(/[\\/]/)) {
    // Dots and spaces at the end are dropped, from the name that "." and ".." are not.
    const name = /^\.\.?$/.test(written) ? written : written.replace(/[. ]+$/, "");
    const device = /^([^.:]*?) *(?:[.:].*)?$/s.exec(name)?.[1]?.toUpperCase() ?? "";
    if (/^(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])$/.test(device)) {
      return `\\\\.\\${device}`;
    }
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `${path.slice(0, 1).toUpperCase()}:\\${names.join("\\")}`;
}

function check({ roots, path }: z.output<typeof Input>): void {
  const mayBeFine = /^[A-Za-z]:[\\/]/.test(path) && path.isWellFormed() && path.length <= 4096;
  let allowed;
  try {
    allowed = allowPath(path, roots, { list: "setting", rules: WINDOWS_PATHS });
  } catch (error) {
    assert(error instanceof RpcError, `refused: ${error}`);
    const isPlain = mayBeFine &&
      path.slice(3).split(/[\\/]/).every((name) => [...NAMES, ".", "..", ""].includes(name));
    assert(!isPlain || error.kind === "permissionDenied", `a plain path: ${error.message}`);
    const below = roots.some((root) => isBelow(opened(path), root));
    assert(!isPlain || !below, "a plain path below an entry");
    return;
  }
  const what = JSON.stringify(path);
  assert(mayBeFine, what);
  assertEquals(opened(path), allowed.path, "what Windows opens");
  assertEquals(opened(allowed.path), allowed.path);
  assert(roots.includes(allowed.root) && isBelow(allowed.path, allowed.root), what);
  for (const name of path.slice(2).split(/[\\/]/)) {
    // deno-lint-ignore no-control-regex -- What Windows forbids in names.
    assert(!/[\x00-\x1f:*?"<>|]/.test(name), what);
    // A name that Windows makes up has up to eight characters before one dot, and begins with none.
    assert(!/~[0-9]+(\.[^.]{0,3})?$/.test(name) || /^\.|^[^.]{9}|\..*\./.test(name), what);
  }
}

function isBelow(path: string, root: string): boolean {
  const names = (text: string) => text.split("\\").filter((name) => name !== "");
  // None of the names above has letters whose case is in doubt, but ß.
  const fold = (name: string) => name.replaceAll("ß", "\u0001").toUpperCase();
  return names(root).every((name, index) => fold(names(path)[index] ?? "") === fold(name));
}
