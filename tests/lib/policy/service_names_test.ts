import { assertEquals, assertThrows } from "@std/assert";
import { RpcError } from "../../../lib/base/errors.ts";
import { openrcService, systemdService } from "../../../lib/policy/service_names.ts";

const BAD = [
  "",
  "../x",
  "a/b",
  "/etc/passwd",
  "-H host",
  "-Hhost",
  "--help",
  "a b",
  "*.service",
  "ssh*",
  "a?",
  "[ab]",
  "a\nb",
  "a\0b",
  "a;id",
  "$(id)",
  "a..b",
  "é",
  ".service",
  "x".repeat(300),
];

for (const name of BAD) {
  Deno.test(`${JSON.stringify(name.slice(0, 20))} is not the name of a service`, () => {
    for (const check of [systemdService, openrcService]) {
      assertEquals(assertThrows(() => check(name), RpcError).code, -32602);
    }
  });
}

Deno.test("a systemd service may be named with or without its suffix, and as an instance", () => {
  assertEquals(systemdService("ssh"), "ssh.service");
  assertEquals(systemdService("ssh.service"), "ssh.service");
  assertEquals(systemdService("getty@tty1"), "getty@tty1.service");
  assertEquals(systemdService("a\\x2db"), "a\\x2db.service");
});

Deno.test("other units and templates are refused", () => {
  for (
    const name of ["ssh.socket", "dev-vda.device", "multi-user.target", "getty@", "getty@.service"]
  ) {
    assertThrows(() => systemdService(name), RpcError);
  }
});

Deno.test("an OpenRC service has a plain name", () => {
  assertEquals(openrcService("net.eth0"), "net.eth0");
  assertThrows(() => openrcService("a@b"), RpcError);
});
