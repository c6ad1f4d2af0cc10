import { assertEquals, assertStringIncludes } from "@std/assert";
import { allowPath, isInside, normalizePath, POSIX_PATHS } from "../../../lib/policy/paths.ts";
import { rpcErrorOf } from "../_helpers.ts";

for (
  const [path, normal] of [
    ["/", "/"],
    ["//", "/"],
    ["///tmp", "/tmp"],
    ["/tmp", "/tmp"],
    ["/tmp/", "/tmp"],
    ["/tmp//a///b", "/tmp/a/b"],
    ["/tmp/./a/.", "/tmp/a"],
    ["/tmp/a/..", "/tmp"],
    ["/tmp/a/../b", "/tmp/b"],
    ["/tmp/../etc/shadow", "/etc/shadow"],
    ["/..", "/"],
    ["/../../etc", "/etc"],
    ["/tmp/...", "/tmp/..."],
    ["/tmp/..a", "/tmp/..a"],
    ["/tmp/a b\n\tc", "/tmp/a b\n\tc"],
    ["/tmp/\\..\\x", "/tmp/\\..\\x"],
    ["/tmp/%2e%2e/x", "/tmp/%2e%2e/x"],
    ["/tmp/ü😀", "/tmp/ü😀"],
    [`/${"x".repeat(4095)}`, `/${"x".repeat(4095)}`],
    [`/${"ü".repeat(2047)}`, `/${"ü".repeat(2047)}`],
  ] as const
) {
  Deno.test(`normalizePath() makes ${JSON.stringify(normal.slice(0, 20))} of ${JSON.stringify(path.slice(0, 20))}`, () => {
    assertEquals(normalizePath(path), normal);
  });
}

for (
  const [what, path, reason] of [
    ["an empty path", "", "must be absolute"],
    ["a relative path", "tmp/x", "must be absolute"],
    ["a path up from here", "../etc/passwd", "must be absolute"],
    ["a home", "~/x", "must be absolute"],
    ["a URL", "file:///etc/passwd", "must be absolute"],
    ["a Windows path", "C:\\x", "must be absolute"],
    ["a blank before the slash", " /tmp", "must be absolute"],
    ["an unpaired surrogate", "/tmp/\ud83d", "unpaired surrogate"],
    ["NUL at the end", "/tmp/x\0", "NUL"],
    ["NUL within", "/tmp/x\0.txt", "NUL"],
    ["4097 bytes", `/${"x".repeat(4096)}`, "at most 4096 bytes, received 4097"],
    ["5000 characters", `/${"x".repeat(4999)}`, "at most 4096 bytes, received 5000"],
    ["4097 bytes in fewer characters", `/${"ü".repeat(2048)}`, "at most 4096 bytes, received 4097"],
    ["many bytes that would normalise to few", `/${"a/../".repeat(1000)}x`, "at most 4096 bytes"],
  ] as const
) {
  Deno.test(`normalizePath() refuses ${what} with -32602`, async () => {
    const error = await rpcErrorOf(() => normalizePath(path, "working_directory"));
    assertEquals(error.code, -32602);
    assertStringIncludes(error.data.reason, reason);
    assertStringIncludes(error.data.reason, "working_directory");
    assertEquals(error.data.reason.length < 300, true);
  });
}

for (
  const [path, root, inside] of [
    ["/tmp", "/tmp", true],
    ["/tmp/a", "/tmp", true],
    ["/tmp/a/b", "/tmp", true],
    ["/tmpfile", "/tmp", false],
    ["/tmp-a/b", "/tmp", false],
    ["/", "/tmp", false],
    ["/etc", "/tmp", false],
    ["/TMP/a", "/tmp", false],
    ["/tmp", "/tmp/a", false],
    ["/", "/", true],
    ["/etc/shadow", "/", true],
    ["/etc/hostname", "/etc/hostname", true],
    ["/etc/hostname.bak", "/etc/hostname", false],
    ["/etc/hostname/x", "/etc/hostname", true],
  ] as const
) {
  Deno.test(`${path} is ${inside ? "" : "not "}inside ${root}`, () => {
    assertEquals(isInside(path, root), inside);
  });
}

for (
  const [path, roots, normal, root] of [
    ["/tmp", ["/tmp"], "/tmp", "/tmp"],
    ["/tmp/a", ["/tmp"], "/tmp/a", "/tmp"],
    ["/tmp//a/../b/", ["/tmp"], "/tmp/b", "/tmp"],
    ["/tmp/a/b", ["/tmp", "/tmp/a"], "/tmp/a/b", "/tmp/a"],
    ["/tmp/a/b", ["/tmp/a", "/tmp"], "/tmp/a/b", "/tmp/a"],
    ["/tmp/ab", ["/tmp/a", "/tmp"], "/tmp/ab", "/tmp"],
    ["/etc/shadow", ["/"], "/etc/shadow", "/"],
    ["/etc/hostname", ["/etc/hostname", "/"], "/etc/hostname", "/etc/hostname"],
    ["/var/log/../../tmp/x", ["/tmp", "/var/log"], "/tmp/x", "/tmp"],
  ] as const
) {
  Deno.test(`${path} is allowed by ${roots.join(", ")}, as ${normal} in ${root}`, () => {
    assertEquals(allowPath(path, roots, { list: "allowed_read_paths", rules: POSIX_PATHS }), {
      path: normal,
      root,
    });
  });
}

for (
  const [path, roots] of [
    ["/tmpfile", ["/tmp"]],
    ["/tmp/../etc/shadow", ["/tmp"]],
    ["/tmp/a/../../etc", ["/tmp"]],
    ["/tmp/..", ["/tmp"]],
    ["/", ["/tmp"]],
    ["/proc/self/mem", ["/tmp", "/var/log"]],
    ["/etc/hostname2", ["/etc/hostname"]],
    ["/tmp", []],
  ] as const
) {
  Deno.test(`${path} is refused with -32001 by [${roots.join(", ")}]`, async () => {
    const error = await rpcErrorOf(() =>
      allowPath(path, roots, { list: "allowed_write_paths", rules: POSIX_PATHS })
    );
    assertEquals(error.code, -32001);
    assertEquals(error.data.path, normalizePath(path));
    assertStringIncludes(error.data.reason, "allowed_write_paths");
    for (const root of roots) assertStringIncludes(error.data.reason, root);
  });
}

Deno.test("a path that was just allowed is judged again by another list", async () => {
  const options = { list: "allowed_read_paths", rules: POSIX_PATHS };
  const lists = { narrow: ["/tmp/a"], wide: ["/tmp", "/tmp/a/b"], other: ["/var"] };
  for (let round = 0; round < 2; round++) {
    assertEquals(allowPath("/tmp/a/b/c", lists.narrow, options).root, "/tmp/a");
    assertEquals(allowPath("/tmp/a/b/c", lists.wide, options).root, "/tmp/a/b");
    assertEquals(
      (await rpcErrorOf(() => allowPath("/tmp/a/b/c", lists.other, options))).code,
      -32001,
    );
  }
});

Deno.test("a malformed path is -32602 also where nothing is allowed", async () => {
  for (const path of ["x", "/x\0", `/${"x".repeat(5000)}`]) {
    assertEquals(
      (await rpcErrorOf(() =>
        allowPath(path, [], { list: "allowed_read_paths", rules: POSIX_PATHS })
      )).code,
      -32602,
    );
  }
});
