import { assertEquals } from "@std/assert";
import { Presence } from "../../../host/fleet/presence.ts";
import { until } from "../../_waiting.ts";

Deno.test("a client says that it is alive with its first call to a host, not with each", () => {
  const told: string[] = [];
  const presence = new Presence((host, { alive, for_ms }) => {
    assertEquals([alive, for_ms], [presence.id, 60_000]);
    told.push(host);
  }, 60_000);
  const calls = ["kvm1", "kvm1", "kvm2"].map((host) => presence.calling(host));
  assertEquals(told, ["kvm1", "kvm2"]);
  for (const call of calls) call[Symbol.dispose]();
  presence.calling("kvm1")[Symbol.dispose]();
  assertEquals(told, ["kvm1", "kvm2"]);
});

Deno.test("a client goes on saying so as long as a call is under way, to that host only", async () => {
  const told: string[] = [];
  const presence = new Presence((host) => void told.push(host), 30);
  const call = presence.calling("kvm1");
  presence.calling("kvm2")[Symbol.dispose]();
  await until(() => told.filter((host) => host === "kvm1").length > 3, "signs of life");
  call[Symbol.dispose]();
  assertEquals(told.filter((host) => host === "kvm2").length, 1);
});
