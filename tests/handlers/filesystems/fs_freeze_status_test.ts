import { assertEquals } from "@std/assert";
import { fsFreezeStatus } from "../../../handlers/filesystems/fs_freeze_status.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

Deno.test("fs_freeze_status is served while frozen", async () => {
  const status = { frozen: ["/"], remaining_seconds: 3 };
  const root = new MemoryPrivileged(() => status);
  root.isFrozen = true;
  assertEquals((await callPrivileged(fsFreezeStatus, undefined, root)).result, status);
});
