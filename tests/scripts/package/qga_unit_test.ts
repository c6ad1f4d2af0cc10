import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { qgaUnit } from "../../../scripts/package/qga_unit.ts";
import { ROOT } from "../../_deno.ts";

const UNIT = await Deno.readTextFile(`${ROOT}install/systemd/kvmmanager-agent.service`);

Deno.test("qemu-ga's port gets a unit that shares no directory and no port with the other", () => {
  const unit = qgaUnit(UNIT);
  assert(!unit.includes("org.kvmmanager.agent.0"), unit);
  assert(!/^RuntimeDirectory=.*\b(kvmmanager-agent|google-guest-agent)( |$)/m.test(unit), unit);
  assertStringIncludes(unit, "\nConflicts=qemu-guest-agent.service\n");
});

Deno.test("qemu-ga's port gets a unit with every restriction of the other", () => {
  const restrictions = (text: string) =>
    text.slice(text.indexOf("NoNewPrivileges="), text.indexOf("[Install]"));
  assertEquals(restrictions(qgaUnit(UNIT)), restrictions(UNIT));
});

Deno.test("a change of the other unit that this one has to follow is noticed", () => {
  assertThrows(() => qgaUnit(UNIT.replace("WantedBy=", "RequiredBy=")), Error, "WantedBy=");
});
