import { assertEquals } from "@std/assert";
import { sshKeysRemove } from "../../../handlers/ssh_keys/ssh_keys_remove.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const { params, result } = sshKeysRemove.example;

Deno.test("ssh_keys_remove has the operation performed and returns its result", async () => {
  const root = new MemoryPrivileged(() => result);
  assertEquals((await callPrivileged(sshKeysRemove, params, root)).result, result);
  assertEquals(root.performed.map(([operation]) => operation), ["ssh_keys_remove"]);
});

Deno.test("ssh_keys_remove is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => result);
  const answer = await callPrivileged(sshKeysRemove, params, root, { allow: ["see"] });
  assertRefused(answer, PERMISSION_DENIED, /accounts/);
  assertEquals(root.performed, []);
});
