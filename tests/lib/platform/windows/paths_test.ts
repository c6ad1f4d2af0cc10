import { assertEquals, assertStringIncludes } from "@std/assert";
import { foldCase, isSamePath, WINDOWS_PATHS } from "../../../../lib/platform/windows/paths.ts";
import { allowPath } from "../../../../lib/policy/paths.ts";
import { rpcErrorOf } from "../../_helpers.ts";

const { normalize, isInside, parentOf } = WINDOWS_PATHS;
const shown = (path: string) => JSON.stringify(path.length > 30 ? `${path.slice(0, 30)}…` : path);

for (
  const [path, normal] of [
    ["C:\\", "C:\\"],
    ["c:\\", "C:\\"],
    ["C:/", "C:\\"],
    ["C:\\a", "C:\\a"],
    ["C:\\a\\", "C:\\a"],
    ["c:/a\\b/", "C:\\a\\b"],
    ["C:\\\\a//b", "C:\\a\\b"],
    ["C:\\.\\a\\.", "C:\\a"],
    ["C:\\a\\..\\b", "C:\\b"],
    ["C:\\allowed\\..\\secret", "C:\\secret"],
    ["C:/allowed/../x", "C:\\x"],
    ["C:\\..\\..\\x", "C:\\x"],
    ["Z:\\MiXeD Case.TXT", "Z:\\MiXeD Case.TXT"],
    ["C:\\ü\\😀", "C:\\ü\\😀"],
    ["C:\\a.b.c\\.hidden", "C:\\a.b.c\\.hidden"],
    ["C:\\console\\communication\\nullable", "C:\\console\\communication\\nullable"],
    ["C:\\COM10\\LPT\\COM", "C:\\COM10\\LPT\\COM"],
    ["C:\\a nul\\x.con", "C:\\a nul\\x.con"],
    ["C:\\~\\a~\\~b\\longername~1", "C:\\~\\a~\\~b\\longername~1"],
    ["C:\\%TEMP%\\a^&b", "C:\\%TEMP%\\a^&b"],
    [`C:\\${"x".repeat(255)}`, `C:\\${"x".repeat(255)}`],
  ] as const
) {
  Deno.test(`${shown(path)} is ${shown(normal)} on Windows`, () => {
    assertEquals(normalize(path), normal);
  });
}

for (
  const [what, path, reason] of [
    ["an empty path", "", "must be absolute and begin with a drive"],
    ["a relative path", "a\\b", "must be absolute and begin with a drive"],
    ["a path up from here", "..\\windows", "must be absolute and begin with a drive"],
    ["a path of the current drive", "\\x", "must be absolute and begin with a drive"],
    ["a POSIX path", "/etc/passwd", "must be absolute and begin with a drive"],
    ["a drive of two letters", "CC:\\x", "must be absolute and begin with a drive"],
    ["a drive that is no letter", "1:\\x", "must be absolute and begin with a drive"],
    ["a letter beyond ASCII", "Ç:\\x", "must be absolute and begin with a drive"],
    ["a blank before the drive", " C:\\x", "must be absolute and begin with a drive"],
    ["a drive alone", "C:", "must have a backslash after the drive"],
    ["a path in a drive's directory", "C:x", "must have a backslash after the drive"],
    ["a share", "\\\\server\\share", "must not be a network path"],
    ["a share with slashes", "//server/share/x", "must not be a network path"],
    ["a verbatim path", "\\\\?\\C:\\x", "must not be a device path"],
    ["a verbatim share", "\\\\?\\UNC\\server\\share", "must not be a device path"],
    ["a device", "\\\\.\\PhysicalDrive0", "must not be a device path"],
    ["a pipe", "//./pipe/x", "must not be a device path"],
    ["a path of the kernel", "\\??\\C:\\x", "must not be a device path"],
    ["a stream", "C:\\file.txt:stream", "streams"],
    ["the main stream", "C:\\file.txt::$DATA", "streams"],
    ["a stream of a directory", "C:\\a:$I30:$INDEX_ALLOCATION\\b", "streams"],
    ["a second drive", "C:\\D:\\x", "streams"],
    ["NUL", "C:\\NUL", "the name of a device"],
    ["a device with an extension", "C:\\a\\con.txt", "the name of a device"],
    ["a device with two extensions", "C:\\nul.tar.gz", "the name of a device"],
    ["a device with a space", "C:\\aux ", "drop the dot or space"],
    ["a device with a space and an extension", "C:\\aux .txt", "the name of a device"],
    ["a device as a directory", "C:\\Prn\\x", "the name of a device"],
    ["COM1", "C:\\com1", "the name of a device"],
    ["COM and a superscript", "C:\\COM¹.txt", "the name of a device"],
    ["LPT9", "C:\\lpt9.x", "the name of a device"],
    ["the console's input", "C:\\CONIN$", "the name of a device"],
    ["a short name", "C:\\PROGRA~1\\x", "the short name of another file"],
    ["a short name with an extension", "C:\\a\\micros~2.txt", "the short name of another file"],
    ["a short name with a hash", "C:\\a1b2c3~1.JSO", "the short name of another file"],
    ["a name with a dot at its end", "C:\\a.\\b", "drop the dot or space"],
    ["a name with a space at its end", "C:\\a \\b", "drop the dot or space"],
    ["three dots", "C:\\...\\x", "drop the dot or space"],
    ["two dots and a space", "C:\\a\\.. \\b", "drop the dot or space"],
    ["a bad name that .. removes", "C:\\a:b\\..\\c", "streams"],
    ["a wildcard", "C:\\a*", 'any of < > " | ? *'],
    ["a question mark", "C:\\a?", 'any of < > " | ? *'],
    ["a quotation mark", 'C:\\a"b', 'any of < > " | ? *'],
    ["a wildcard of the kernel", "C:\\a<b", 'any of < > " | ? *'],
    ["a line feed", "C:\\a\nb", "control characters"],
    ["NUL characters", "C:\\a\0.txt", "control characters"],
    ["an unpaired surrogate", "C:\\a\ud83d", "unpaired surrogate"],
    ["40,000 characters", `C:\\${"x\\".repeat(20_000)}`, "at most 4096 characters"],
    ["4097 characters", `C:\\${"x\\".repeat(2047)}`, "at most 4096 characters, received 4097"],
    ["a name of 256 characters", `C:\\${"x".repeat(256)}`, "more than 255 characters"],
  ] as const
) {
  Deno.test(`${what} is refused with -32602 on Windows`, async () => {
    const error = await rpcErrorOf(() => normalize(path, "working_directory"));
    assertEquals(error.code, -32602);
    assertStringIncludes(error.data.reason, reason);
    assertStringIncludes(error.data.reason, "working_directory must");
    assertEquals(error.data.reason.length < 300, true);
    // A malformed path is refused before it is looked for in a list.
    const options = { list: "allowed_read_paths", rules: WINDOWS_PATHS };
    assertEquals((await rpcErrorOf(() => allowPath(path, ["C:\\"], options))).code, -32602);
  });
}

for (
  const [path, root, inside] of [
    ["C:\\a", "C:\\a", true],
    ["C:\\A\\b", "C:\\a", true],
    ["C:\\a", "C:\\A", true],
    ["C:\\ÄB\\x", "C:\\äb", true],
    ["C:\\a\\b", "C:\\", true],
    ["C:\\", "C:\\", true],
    ["D:\\a", "C:\\", false],
    ["C:\\ab", "C:\\a", false],
    ["C:\\a.txt", "C:\\a", false],
    ["C:\\", "C:\\a", false],
    ["C:\\strasse", "C:\\straße", false],
    ["C:\\ſecret", "C:\\Secret", false],
    ["C:\\\u212a", "C:\\k", false],
    ["C:\\ı", "C:\\I", false],
  ] as const
) {
  Deno.test(`${path} is ${inside ? "" : "not "}inside ${root}`, () => {
    assertEquals(isInside(path, root), inside);
  });
}

for (
  const [path, directory] of [
    ["C:\\", "C:\\"],
    ["C:\\a", "C:\\"],
    ["C:\\a\\b", "C:\\a"],
    ["C:\\a\\b\\c.txt", "C:\\a\\b"],
  ] as const
) {
  Deno.test(`${path} is in ${directory}`, () => assertEquals(parentOf(path), directory));
}

Deno.test("the longest entry that holds a path allows it, whatever its case", () => {
  const options = { list: "allowed_read_paths", rules: WINDOWS_PATHS };
  assertEquals(
    allowPath("c:/PROGRAMDATA/app/LOG.txt", ["C:\\ProgramData", "C:\\ProgramData\\App"], options),
    { path: "C:\\PROGRAMDATA\\app\\LOG.txt", root: "C:\\ProgramData\\App" },
  );
});

Deno.test("a path that climbs out of its entry is refused with -32001, in its normal form", async () => {
  for (const path of ["C:\\allowed\\..\\secret", "C:/allowed/../secret", "c:\\secret"]) {
    const error = await rpcErrorOf(() =>
      allowPath(path, ["C:\\allowed"], { list: "allowed_read_paths", rules: WINDOWS_PATHS })
    );
    assertEquals([error.code, error.data.path], [-32001, "C:\\secret"]);
  }
});

Deno.test("only letters that are each other's upper and lower case are the same", () => {
  assertEquals(foldCase("aé\u03c3ß\u017f\u0131\u212a\ud83d\ude00"), "AÉΣßſı\u212a\ud83d\ude00");
  assertEquals(isSamePath("C:\\aé", "C:\\AÉ"), true);
  assertEquals(isSamePath("C:\\\u03c2", "C:\\\u03c3"), false);
});
