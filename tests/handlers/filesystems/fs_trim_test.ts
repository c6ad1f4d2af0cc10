import { assertEquals } from "@std/assert";
import { fsTrim } from "../../../handlers/filesystems/fs_trim.ts";
import { NO_PRIVILEGED } from "../../../lib/guest/privileged.ts";
import { COMMAND_FAILED, INVALID_PARAMS, PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const RESULT = { filesystems: [{ mount_point: "/", trimmed_bytes: 5 }] };

Deno.test("fs_trim has the operation performed and returns its result", async () => {
  const root = new MemoryPrivileged(() => RESULT);
  const { result } = await callPrivileged(fsTrim, { mount_points: ["/"] }, root);
  assertEquals(result, RESULT);
  assertEquals(root.performed, [["fs_trim", { mount_points: ["/"], minimum_bytes: 0 }]]);
});

Deno.test("fs_trim with a wrong parameter does not reach root", async () => {
  const root = new MemoryPrivileged(() => RESULT);
  const answer = await callPrivileged(fsTrim, { mount_points: ["home"] }, root);
  assertRefused(answer, INVALID_PARAMS, /absolute/);
  assertEquals(root.performed, []);
});

Deno.test("fs_trim is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => RESULT);
  const answer = await callPrivileged(fsTrim, {}, root, { allow: ["see"] });
  assertRefused(answer, PERMISSION_DENIED, /"freeze"/);
  assertEquals(root.performed, []);
});

Deno.test("fs_trim says so if the agent has no way to root, or gets nonsense", async () => {
  assertRefused(await callPrivileged(fsTrim, {}, NO_PRIVILEGED), COMMAND_FAILED, /--broker none/);
  const answer = await callPrivileged(fsTrim, {}, new MemoryPrivileged(() => ({ filesystems: 1 })));
  assertRefused(answer, COMMAND_FAILED, /makes no sense/);
});
