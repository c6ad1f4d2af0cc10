import { assertEquals } from "@std/assert";
import { userSetGroups } from "../../../handlers/users/user_set_groups.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const { params, result } = userSetGroups.example;

Deno.test("user_set_groups has the operation performed and returns its result", async () => {
  const root = new MemoryPrivileged(() => result);
  assertEquals((await callPrivileged(userSetGroups, params, root)).result, result);
  assertEquals(root.performed.map(([operation]) => operation), ["user_set_groups"]);
});

Deno.test("user_set_groups is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => result);
  const answer = await callPrivileged(userSetGroups, params, root, { allow: ["see"] });
  assertRefused(answer, PERMISSION_DENIED, /accounts/);
  assertEquals(root.performed, []);
});
