import { assertEquals } from "@std/assert";
import { cursorAt, isEventCursor, numberOf } from "../../../host/fleet/events.ts";

Deno.test("a cursor of the fleet's events is the number of the event that is read first", () => {
  for (const number of [1, 17, 999_999_999_999_999]) {
    assertEquals(isEventCursor(cursorAt(number)), true);
    assertEquals(numberOf(cursorAt(number)), number);
  }
  assertEquals(isEventCursor("start"), true);
  assertEquals(numberOf("start"), 1);
});

Deno.test("what is no cursor is told apart", () => {
  const others = ["", "s1.", "s1.0", "s1.01", "s1.-1", "s1.1e3", "s2.1", "17", "s1.1 ", "h1.a.1"];
  for (const text of [...others, `s1.${"9".repeat(16)}`]) assertEquals(isEventCursor(text), false);
});
