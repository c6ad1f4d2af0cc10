import { assertEquals } from "@std/assert";
import { messageOf } from "../../../lib/base/message_of.ts";

Deno.test("messageOf() has the message of whatever was thrown", () => {
  assertEquals([new Error("a"), "b", undefined, 3, null].map(messageOf), [
    ...["a", "b", "undefined", "3", "null"],
  ]);
});
