import { assertEquals, assertMatch } from "@std/assert";
import { commandFailed } from "../../../lib/base/errors.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { QgaHost } from "./_qga_host.ts";

for (const to of ["ram", "disk", "hybrid"]) {
  Deno.test(`guest-suspend-${to} is not answered`, async () => {
    const root = new MemoryPrivileged(() => ({}));
    assertEquals(await new QgaHost({ privileged: root }).send(`guest-suspend-${to}`), "");
    assertEquals(root.performed, [["suspend", { to }]]);
  });
}

Deno.test("a guest that cannot be suspended tells", async () => {
  const root = new MemoryPrivileged(() => {
    throw commandFailed("systemctl failed: not supported");
  });
  const host = new QgaHost({ privileged: root });
  assertMatch(await host.refusal("GenericError", "guest-suspend-ram"), /not supported/);
});
