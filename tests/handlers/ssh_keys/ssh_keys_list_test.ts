import { assertEquals } from "@std/assert";
import { sshKeysList } from "../../../handlers/ssh_keys/ssh_keys_list.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const { params, result } = sshKeysList.example;

Deno.test("ssh_keys_list has the operation performed and returns its result", async () => {
  const root = new MemoryPrivileged(() => result);
  assertEquals((await callPrivileged(sshKeysList, params, root)).result, result);
  assertEquals(root.performed.map(([operation]) => operation), ["ssh_keys_list"]);
});

Deno.test("ssh_keys_list is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => result);
  const answer = await callPrivileged(sshKeysList, params, root, { allow: ["see"] });
  assertRefused(answer, PERMISSION_DENIED, /accounts/);
  assertEquals(root.performed, []);
});
