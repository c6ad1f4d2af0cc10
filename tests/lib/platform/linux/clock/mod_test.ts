import { assertEquals } from "@std/assert";
import { LinuxClock, parseClock } from "../../../../../lib/platform/linux/clock/mod.ts";
import { tool } from "../../../../_tool.ts";
import { NEVER } from "../../../_helpers.ts";

Deno.test("the zone is the one that date(1) uses", async () => {
  const { zoneAbbreviation } = await new LinuxClock().state(NEVER);
  assertEquals(zoneAbbreviation, (await tool("date", "+%Z")).trim());
});

Deno.test("zones west of UTC have a negative offset, and names come from /etc/localtime", () => {
  const text = "offset -0330\nabbreviation NST\nzone /usr/share/zoneinfo/America/St_Johns\n" +
    "timezone Etc/UTC\nsource kvm-clock\nsynchronized no\n";
  assertEquals(parseClock(text), {
    zoneOffsetSeconds: -12_600,
    zoneAbbreviation: "NST",
    zone: "America/St_Johns",
    isSynchronized: false,
    source: "kvm-clock",
  });
  assertEquals(parseClock("zone ../usr/share/zoneinfo/Europe/Berlin\n").zone, "Europe/Berlin");
});

Deno.test("without a link the zone is that of /etc/timezone, or none", () => {
  assertEquals(
    parseClock("offset +0000\nabbreviation UTC\nzone \ntimezone Etc/UTC\n").zone,
    "Etc/UTC",
  );
  assertEquals(parseClock("offset +0000\nabbreviation UTC\nzone \n"), {
    zoneOffsetSeconds: 0,
    zoneAbbreviation: "UTC",
  });
});
