import { assertEquals } from "@std/assert";
import { userDelete } from "../../../handlers/users/user_delete.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const { params, result } = userDelete.example;

Deno.test("user_delete has the operation performed and returns its result", async () => {
  const root = new MemoryPrivileged(() => result);
  assertEquals((await callPrivileged(userDelete, params, root)).result, result);
  assertEquals(root.performed.map(([operation]) => operation), ["user_delete"]);
});

Deno.test("user_delete is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => result);
  const answer = await callPrivileged(userDelete, params, root, { allow: ["see"] });
  assertRefused(answer, PERMISSION_DENIED, /accounts/);
  assertEquals(root.performed, []);
});
