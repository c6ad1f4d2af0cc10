import { assertEquals } from "@std/assert";
import { METHODS } from "../../handlers/mod.ts";
import { readPage } from "./_markdown.ts";

Deno.test("docs/operations.md lists the methods that the audit file does not record", async () => {
  const { text } = await readPage("docs/operations.md");
  const [, list = ""] = /are not recorded:(.*?)\.\n/s.exec(text) ?? [];
  const listed = [...list.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  const unrecorded = METHODS.filter(({ audited }) => !audited).map(({ name }) => name);
  assertEquals(listed.sort(), unrecorded.sort());
});
