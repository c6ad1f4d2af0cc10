import { assertEquals } from "@std/assert";
import {
  type CommandLists,
  ineffectiveEntries,
  listRefusal,
  NO_COMMAND_LISTS,
} from "../../../lib/policy/qga_commands.ts";

const block = (...commands: string[]) => ({ commands, source: "block-rpcs" });
const allow = (...commands: string[]) => ({ commands, source: "allow-rpcs" });

const CASES: readonly (readonly [string, CommandLists, string | undefined])[] = [
  ["guest-exec", NO_COMMAND_LISTS, undefined],
  ["guest-exec", { blocked: [block("guest-exec")], allowed: [] }, "block-rpcs lists it"],
  ["guest-shutdown", { blocked: [block("guest-exec")], allowed: [] }, undefined],
  ["guest-exec", { blocked: [], allowed: [allow("guest-exec")] }, undefined],
  [
    "guest-shutdown",
    { blocked: [], allowed: [allow("guest-exec")] },
    "allow-rpcs does not list it",
  ],
  // In both: off.
  [
    "guest-exec",
    { blocked: [block("guest-exec")], allowed: [allow("guest-exec")] },
    "block-rpcs lists it",
  ],
  // Lists of several places add up.
  [
    "guest-exec",
    { blocked: [block("x"), block("guest-exec")], allowed: [] },
    "block-rpcs lists it",
  ],
  ["guest-exec", { blocked: [], allowed: [allow("x"), allow("guest-exec")] }, undefined],
  // An empty list allows everything.
  ["guest-exec", { blocked: [], allowed: [allow()] }, undefined],
  ["guest-exec", { blocked: [], allowed: [allow(), allow("x")] }, "allow-rpcs does not list it"],
];

for (const [command, lists, expected] of CASES) {
  Deno.test(`${command} under ${JSON.stringify(lists)}`, () => {
    assertEquals(listRefusal(command, lists), expected);
  });
}

Deno.test("no list turns off what clients need to find out that the rest is off", () => {
  for (const command of ["guest-sync", "guest-sync-delimited", "guest-ping", "guest-info"]) {
    assertEquals(
      listRefusal(command, { blocked: [block(command)], allowed: [allow("x")] }),
      undefined,
    );
  }
});

Deno.test("entries that change nothing are told", () => {
  const lists = {
    blocked: [block("guest-exce", "guest-exec", "guest-ping")],
    allowed: [allow(" guest-exec"), allow()],
  };
  assertEquals(ineffectiveEntries(lists, ["guest-exec", "guest-ping"]), [
    'block-rpcs lists "guest-exce", which is not a command',
    'allow-rpcs lists " guest-exec", which is not a command',
    "block-rpcs lists guest-ping, which cannot be turned off",
    "allow-rpcs is empty, which allows every command, as in qemu-ga",
  ]);
});
