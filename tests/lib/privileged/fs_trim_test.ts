import { assertEquals } from "@std/assert";
import { fsTrimAsRoot } from "../../../lib/privileged/fs_trim.ts";
import { INVALID_PARAMS, NOT_FOUND } from "../../_error_codes.ts";
import { rpcErrorOf } from "../_helpers.ts";
import { mountAt, ScriptedRoot } from "./_scripted_root.ts";

const trim = (root: ScriptedRoot, params: unknown) => fsTrimAsRoot.prepare(params).run(root);

Deno.test("fs_trim trims every writable file system and reports each", async () => {
  const root = new ScriptedRoot(({ args }) =>
    args.at(-1) === "/boot"
      ? { code: 1, stderr: "fstrim: /boot: the discard operation is not supported\n" }
      : { stdout: "/: 1 GiB (1073741824 bytes) trimmed\n" }
  );
  root.filesystems = [mountAt("/"), mountAt("/boot"), mountAt("/cdrom", { isReadOnly: true })];
  assertEquals(await trim(root, {}), {
    filesystems: [
      { mount_point: "/", trimmed_bytes: 1073741824 },
      {
        mount_point: "/boot",
        error: "fstrim: /boot: the discard operation is not supported",
      },
    ],
  });
  assertEquals(root.commandLines[0], "fstrim --verbose --minimum 0 -- /");
});

Deno.test("fs_trim trims only what is named", async () => {
  const root = new ScriptedRoot(() => ({ stdout: "(5 bytes)" }));
  root.filesystems = [mountAt("/"), mountAt("/-x")];
  await trim(root, { mount_points: ["/-x"], minimum_bytes: 4096 });
  assertEquals(root.commandLines, ["fstrim --verbose --minimum 4096 -- /-x"]);
});

Deno.test("fs_trim refuses a path where nothing is mounted, and trims nothing", async () => {
  const root = new ScriptedRoot();
  root.filesystems = [mountAt("/")];
  const error = await rpcErrorOf(() => trim(root, { mount_points: ["/", "/home"] }));
  assertEquals([error.code, error.data.mount_point], [NOT_FOUND, "/home"]);
  assertEquals(root.runs, []);
});

for (
  const [what, params] of [
    ["a relative path", { mount_points: ["home"] }],
    ["a path with NUL", { mount_points: ["/a\0b"] }],
    ["the same path twice", { mount_points: ["/", "/"] }],
    ["an empty list", { mount_points: [] }],
    ["a negative minimum", { minimum_bytes: -1 }],
    ["an unknown parameter", { all: true }],
  ] as const
) {
  Deno.test(`fs_trim refuses ${what}`, async () => {
    const error = await rpcErrorOf(() => trim(new ScriptedRoot(), params));
    assertEquals(error.code, INVALID_PARAMS);
  });
}
