import { assertEquals } from "@std/assert";
import { Leases } from "../../../../host/daemon/fleet/leases.ts";
import { until } from "../../../_waiting.ts";

/** Something that tells how often it was ended. */
const counted = () => {
  const leased = { ended: 0, end: () => void (leased.ended += 1) };
  return leased;
};

Deno.test("what a client holds ends once, when it is silent for longer than it promised", async () => {
  using leases = new Leases();
  const [one, two, released, silent] = [counted(), counted(), counted(), counted()];
  leases.hold("a", one);
  leases.hold("a", two);
  leases.hold("a", released)[Symbol.dispose]();
  // One that has promised nothing keeps what it has.
  leases.hold("b", silent);
  leases.renew("a", 1);
  await until(() => one.ended > 0, "the end");
  leases.renew("a", 1);
  assertEquals([one, two, released, silent].map(({ ended }) => ended), [1, 1, 0, 0]);
});

Deno.test("a promise holds for the client's next call too", async () => {
  using leases = new Leases();
  const next = counted();
  const first = leases.hold("a", counted());
  leases.renew("a", 1);
  first[Symbol.dispose]();
  leases.hold("a", next);
  await until(() => next.ended === 1, "the end");
});

Deno.test("while nobody can be heard, no lease ends", async () => {
  using leases = new Leases();
  const [deaf, heard] = [counted(), counted()];
  leases.hold("a", deaf);
  leases.renew("a", 1);
  leases.pause();
  using others = new Leases();
  others.hold("a", heard);
  others.renew("a", 1);
  await until(() => heard.ended === 1, "another's end");
  assertEquals(deaf.ended, 0);
  leases.resume();
  await until(() => deaf.ended === 1, "the end");
});
