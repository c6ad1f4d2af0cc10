import { assertEquals } from "@std/assert";
import { packageUpdates } from "../../../handlers/packages/package_updates.ts";
import type { Packages } from "../../../lib/guest/packages.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { call } from "../_call.ts";

Deno.test("package_updates leaves out what the guest does not tell", async () => {
  const packages: Packages = {
    manager: "apk",
    list: () => Promise.resolve([]),
    updates: () => Promise.resolve({ updates: [{ name: "a", available: "2" }] }),
  };
  assertEquals(await call(packageUpdates, {}, { guest: { packages } }), {
    manager: "apk",
    updates: [{ name: "a", available: "2" }],
    total_count: 1,
  });
});

Deno.test("package_updates of a guest without a package manager says so", async () => {
  assertEquals((await rpcErrorOf(() => call(packageUpdates, {}))).code, -32000);
});
