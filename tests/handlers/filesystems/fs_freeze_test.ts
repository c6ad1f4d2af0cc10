import { assertEquals } from "@std/assert";
import { fsFreeze } from "../../../handlers/filesystems/fs_freeze.ts";
import { INVALID_PARAMS } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const RESULT = { frozen: ["/"], skipped: [] };

Deno.test("fs_freeze freezes what is named, for the time that is given", async () => {
  const root = new MemoryPrivileged(() => RESULT);
  const params = { ttl_seconds: 5, mount_points: ["/"] };
  assertEquals((await callPrivileged(fsFreeze, params, root)).result, RESULT);
  assertEquals(root.performed, [["fs_freeze", params]]);
});

for (
  const [what, params] of [
    ["no ttl_seconds", {}],
    ["ttl_seconds of 0", { ttl_seconds: 0 }],
    ["ttl_seconds of a billion", { ttl_seconds: 1e9 }],
    ["a fraction of a second", { ttl_seconds: 0.5 }],
    ["a relative mount point", { ttl_seconds: 5, mount_points: ["srv"] }],
    ["a mount point twice", { ttl_seconds: 5, mount_points: ["/srv", "/srv"] }],
    ["no mount point", { ttl_seconds: 5, mount_points: [] }],
  ] as const
) {
  Deno.test(`fs_freeze with ${what} is refused and freezes nothing`, async () => {
    const root = new MemoryPrivileged(() => RESULT);
    assertRefused(await callPrivileged(fsFreeze, params, root), INVALID_PARAMS, /./);
    assertEquals(root.performed, []);
  });
}
