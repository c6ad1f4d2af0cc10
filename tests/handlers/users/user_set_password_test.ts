import { assertEquals } from "@std/assert";
import { userSetPassword } from "../../../handlers/users/user_set_password.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { CollectingLog } from "../../lib/_helpers.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const { params, result } = userSetPassword.example;

Deno.test("user_set_password has the operation performed and returns its result", async () => {
  const root = new MemoryPrivileged(() => result);
  assertEquals((await callPrivileged(userSetPassword, params, root)).result, result);
  assertEquals(root.performed.map(([operation]) => operation), ["user_set_password"]);
});

Deno.test("user_set_password is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => result);
  const answer = await callPrivileged(userSetPassword, params, root, { allow: ["see"] });
  assertRefused(answer, PERMISSION_DENIED, /accounts/);
  assertEquals(root.performed, []);
});

Deno.test("a password is in no line of the log", async () => {
  const log = new CollectingLog();
  const root = new MemoryPrivileged(() => Promise.reject(new Error("no")));
  await callPrivileged(userSetPassword, { user: "deploy", password: "hunter2" }, root, { log });
  await callPrivileged(userSetPassword, { user: "deploy", password: "hunter2\n" }, root, { log });
  assertEquals(JSON.stringify(log.lines).includes("hunter2"), false);
});
