/**
 * A right and a wrong call of everything that types/deno-std.d.ts declares, as expressions. The
 * wrong ones are plausible mistakes: a value of the wrong type, not a missing one.
 *
 * @module
 */

/** One call that must pass the type checker and one that must not. */
export interface Calls {
  readonly right: string;
  readonly wrong: string;
}

/** By module and name. */
export const CALLS: Readonly<Record<string, Readonly<Record<string, Calls>>>> = {
  "@std/assert": {
    assertEquals: { right: "assertEquals([1], [1])", wrong: 'assertEquals(1, 1, { message: "" })' },
    assertNotEquals: { right: "assertNotEquals(1, 2)", wrong: "assertNotEquals(1, 2, 3)" },
    assert: { right: 'assert(1 > 0, "why")', wrong: "assert(true, 1)" },
    assertObjectMatch: {
      right: "assertObjectMatch({ a: 1, b: 2 }, { a: 1 })",
      wrong: "assertObjectMatch({ a: 1 }, 1)",
    },
    assertStringIncludes: {
      right: 'assertStringIncludes("abc", "b")',
      wrong: 'assertStringIncludes("abc", /b/)',
    },
    assertMatch: { right: 'assertMatch("abc", /b/)', wrong: 'assertMatch("abc", "b")' },
    assertThrows: {
      right: "assertThrows(() => {}, TypeError).message.length",
      wrong: "assertThrows(Promise.resolve())",
    },
    assertRejects: {
      right: "(await assertRejects(async () => {}, TypeError)).message.length",
      wrong: "assertRejects(() => {})",
    },
    fail: { right: 'fail("why")', wrong: "fail(1)" },
  },
  "@std/cli/parse-args": {
    parseArgs: {
      right: 'parseArgs([], { string: ["name"], boolean: ["quiet"] }).name?.length',
      wrong: 'parseArgs([], { strings: ["name"] })',
    },
  },
  "@std/path/posix": {
    dirname: { right: 'dirname("/a/b")', wrong: "dirname(1)" },
    basename: { right: 'basename("/a/b.ts", ".ts")', wrong: 'basename("/a/b.ts", /ts/)' },
    join: { right: 'join("a", "b", "c")', wrong: 'join(["a", "b"])' },
    normalize: { right: 'normalize("/a/../b")', wrong: 'normalize(new URL("file:///a"))' },
    isAbsolute: { right: 'isAbsolute("/a")', wrong: "isAbsolute(undefined)" },
    resolve: { right: 'resolve("/a", "b")', wrong: 'resolve("/a", 1)' },
    fromFileUrl: { right: 'fromFileUrl(new URL("file:///a"))', wrong: "fromFileUrl(1)" },
  },
  "@std/streams/text-line-stream": {
    TextLineStream: {
      right: "new TextLineStream({ allowCR: true }).readable",
      wrong: "new TextLineStream({ allowCr: true })",
    },
  },
  "@std/text/closest-string": {
    closestString: {
      right: 'closestString("a", ["a", "b"]).length',
      wrong: 'closestString("a", "b")',
    },
  },
  "@std/yaml": {
    parse: { right: 'parse("a: 1")', wrong: "parse(1)" },
  },
};
