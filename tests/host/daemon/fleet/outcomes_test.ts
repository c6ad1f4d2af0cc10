import { assertEquals } from "@std/assert";
import { Outcomes } from "../../../../host/daemon/fleet/outcomes.ts";

const answer = (text: string) => () => Promise.resolve(new TextEncoder().encode(text));
const textOf = async (bytes: Promise<Uint8Array>) => new TextDecoder().decode(await bytes);
const soon = () => Date.now() + 60_000;

Deno.test("a call is made once, while it is under way and after it", async () => {
  const outcomes = new Outcomes();
  const first = Promise.withResolvers<Uint8Array>();
  const under = outcomes.of("a", soon(), () => first.promise);
  const again = outcomes.of("a", soon(), answer("second"));
  assertEquals(outcomes.unanswered.length, 1);
  first.resolve(new TextEncoder().encode("first"));
  assertEquals([await textOf(under), await textOf(again)], ["first", "first"]);
  assertEquals(outcomes.unanswered, []);
  assertEquals(await textOf(outcomes.of("a", soon(), answer("third"))), "first");
  assertEquals(outcomes.mayHaveForgotten("a"), false);
  assertEquals(outcomes.mayHaveForgotten("b"), false);
});

Deno.test("of too many answers the oldest is dropped, and that is known", async () => {
  for (const limits of [{ count: 2, bytes: 1000 }, { count: 1000, bytes: 10 }]) {
    const outcomes = new Outcomes(limits);
    for (const key of ["a", "b", "c"]) await outcomes.of(key, soon(), answer("four"));
    assertEquals(outcomes.mayHaveForgotten("a"), true);
    assertEquals(outcomes.mayHaveForgotten("c"), false);
  }
});

Deno.test("a call that is under way is never dropped", async () => {
  const outcomes = new Outcomes({ count: 1, bytes: 1000 });
  const first = Promise.withResolvers<Uint8Array>();
  void outcomes.of("a", soon(), () => first.promise);
  for (const key of ["b", "c"]) await outcomes.of(key, soon(), answer("x"));
  const again = outcomes.of("a", soon(), answer("second"));
  first.resolve(new TextEncoder().encode("first"));
  assertEquals(await textOf(again), "first");
});

Deno.test("answers after their deadlines are dropped, and nobody may ask for them", async () => {
  const outcomes = new Outcomes();
  await outcomes.of("a", Date.now() - 120_000, answer("x"));
  await outcomes.of("b", soon(), answer("x"));
  assertEquals(outcomes.mayHaveForgotten("a"), false);
  assertEquals(await textOf(outcomes.of("a", soon(), answer("again"))), "again");
});
