import { assertEquals } from "@std/assert";
import * as z from "zod";
import { commandFailed, methodNotFound } from "../../../../lib/base/errors.ts";
import { failureText } from "../../../../lib/dialects/qga/replies.ts";
import { groupRefusal } from "../../../../lib/policy/groups.ts";

const Failure = z.strictObject({
  error: z.strictObject({ class: z.string(), desc: z.string() }),
});

const classOf = (text: string) => z.parse(Failure, JSON.parse(text)).error.class;

Deno.test("clients see a command whose group is off as one that does not exist", () => {
  assertEquals(
    classOf(failureText("guest-exec", groupRefusal("guest-exec", "exec"), undefined)),
    "CommandNotFound",
  );
  assertEquals(
    classOf(failureText("guest-x", methodNotFound("no", { method: "guest-x" }), undefined)),
    "CommandNotFound",
  );
  assertEquals(classOf(failureText("guest-exec", commandFailed("no"), undefined)), "GenericError");
});
