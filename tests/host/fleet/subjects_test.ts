import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  callsTo,
  callSubject,
  classOf,
  decodeToken,
  encodeToken,
  eventsOf,
  eventSubject,
  listedTenant,
  listSubject,
  readCallSubject,
  readEventSubject,
} from "../../../host/fleet/subjects.ts";

Deno.test("any text is one token that has no wildcard, and is read back", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const token = encodeToken(text);
    assertEquals(/^[A-Za-z0-9_=-]+$/.test(token), true, token);
    assertEquals(decodeToken(token), text);
  }));
});

for (const token of ["a=2", "=zz", "=61", "a.b", "*", ">", "", "=ff"]) {
  Deno.test(`no text has the token ${JSON.stringify(token)}`, () => {
    assertEquals(decodeToken(token), undefined);
  });
}

Deno.test("a call's subject says its host, tenant, VM, class and method", () => {
  const address = { host: "kvm1", tenant: "a.b", vm: "web.1", method: "rpc.discover" };
  const subject = callSubject(address);
  assertEquals(subject, "kvm.1.call.kvm1.a=2eb.web=2e1.see.rpc.discover");
  assertEquals(readCallSubject(subject), {
    tenant: "a.b",
    vm: "web.1",
    class: "see",
    method: "rpc.discover",
  });
  assertEquals(subject.startsWith(callsTo("kvm1").slice(0, -1)), true);
});

Deno.test("a method's name cannot reach another subject", () => {
  for (const method of ["", "a b", "a.*", ">", "a..b", ".a", "a\n"]) {
    const address = { host: "kvm1", tenant: "t", vm: "v", method };
    assertThrows(() => callSubject(address), RangeError, "no method", method);
  }
});

Deno.test("what is no call's subject is not read as one", () => {
  for (const subject of ["kvm.1.call.kvm1", "kvm.1.call.kvm1.t.v.see", "kvm.1.list", "x"]) {
    assertEquals(readCallSubject(subject), undefined, subject);
  }
});

for (
  const [method, expected] of [
    ["ping", "see"],
    ["get_system_info", "see"],
    ["file_read", "file"],
    ["file_write", "file"],
    ["exec_command", "exec"],
    ["shutdown", "power"],
    ["user_create", "admin"],
    ["no_such_method", "admin"],
    ["toString", "admin"],
  ] as const
) {
  Deno.test(`${method} is of the class ${expected}`, () => assertEquals(classOf(method), expected));
}

Deno.test("a question for VMs says whose", () => {
  assertEquals(listedTenant(listSubject()), undefined);
  assertEquals(listedTenant(listSubject("a.b")), "a.b");
});

Deno.test("an event's subject says where it happened, to whose VM, and what", () => {
  for (const tenant of ["acme", "a.b c", ""]) {
    const address = { host: "kvm1", tenant, vm: "vm 1.x", event: "ready" };
    assertEquals(readEventSubject(eventSubject(address)), address);
    assertEquals(eventSubject(address).split(".").length, 7);
  }
  for (
    const other of [
      "kvm.1.event.kvm1.acme.vm",
      "kvm.1.event.kvm1.acme.vm.a.b",
      "kvm.1.event.kvm1.=zz.vm.ready",
      "kvm.1.call.kvm1.acme.vm.ready",
    ]
  ) assertEquals(readEventSubject(other), undefined, other);
});

Deno.test("a tenant's events have one filter, whatever its name", () => {
  assertEquals(eventsOf(), "kvm.1.event.>");
  assertEquals(eventsOf("a.b"), "kvm.1.event.*.a=2eb.>");
});
