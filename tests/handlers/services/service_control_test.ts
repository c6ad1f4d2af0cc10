import { assertEquals } from "@std/assert";
import { serviceControl } from "../../../handlers/services/service_control.ts";
import { PERMISSION_DENIED } from "../../_error_codes.ts";
import { assertRefused } from "../../agent/_host.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { callPrivileged } from "../_privileged.ts";

const { params, result } = serviceControl.example;

Deno.test("service_control has the operation performed and returns its result", async () => {
  const root = new MemoryPrivileged(() => result);
  assertEquals((await callPrivileged(serviceControl, params, root)).result, result);
  assertEquals(root.performed.map(([operation]) => operation), ["service_control"]);
});

Deno.test("service_control is refused while its group is off", async () => {
  const root = new MemoryPrivileged(() => result);
  const answer = await callPrivileged(serviceControl, params, root, { allow: ["see"] });
  assertRefused(answer, PERMISSION_DENIED, /services/);
  assertEquals(root.performed, []);
});
