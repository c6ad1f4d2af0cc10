import { assertEquals } from "@std/assert";
import {
  fingerprintOf,
  keyInLine,
  markedLine,
  parsePublicKey,
} from "../../../../lib/privileged/ssh_keys/public_key.ts";

const BODY = "AAAAC3NzaC1lZDI1NTE5AAAAIK9HzPIEAI4IlkFV4Y9OWlHyEJhXgXmRvP8Ka2bEIcVY";
const KEY = `ssh-ed25519 ${BODY}`;

Deno.test("a key survives its line, with its comment and the mark", () => {
  const key = parsePublicKey(`${KEY} me@host  and more `);
  if (typeof key === "string") throw new Error(key);
  assertEquals(key, {
    type: "ssh-ed25519",
    base64: BODY,
    comment: "me@host and more",
    isOurs: false,
  });
  assertEquals(keyInLine(markedLine(key)), { ...key, isOurs: true });
});

Deno.test("a request cannot put or double the mark", () => {
  const key = parsePublicKey(`${KEY} me [kvmmanager-agent]`);
  if (typeof key === "string") throw new Error(key);
  assertEquals(markedLine(key), `${KEY} me [kvmmanager-agent]`);
});

for (
  const [what, text] of [
    ["options", `command="id" ${KEY}`],
    ["a newline", `${KEY}\n${KEY}`],
    ["a carriage return", `${KEY}\r`],
    ["wrong base64", "ssh-ed25519 AAAA*"],
    ["base64 that is cut off", `ssh-ed25519 ${BODY.slice(0, 20)}`],
    ["another type inside", `ssh-rsa ${BODY}`],
    ["an unknown type", `ssh-dss ${BODY}`],
    ["no body", "ssh-ed25519"],
    ["a comment", "# ssh-ed25519"],
    ["a line separator in its comment", `${KEY} a\u2028b`],
    ["a long comment", `${KEY} ${"x".repeat(1000)}`],
    ["nothing", ""],
  ] as const
) {
  Deno.test(`a key with ${what} is refused`, () => {
    assertEquals(typeof parsePublicKey(text), "string");
  });
}

Deno.test("keys with options in a file are seen, other lines are not keys", () => {
  assertEquals(keyInLine(`from="10.0.0.1",command="a b" ${KEY} x`)?.base64, BODY);
  for (const line of ["", "# comment", `# ${KEY}`, "garbage", "ssh-ed25519 !"]) {
    assertEquals(keyInLine(line), undefined);
  }
});

Deno.test("the fingerprint is that of ssh-keygen", async () => {
  const key = keyInLine(KEY);
  if (key === undefined) throw new Error("no key");
  assertEquals((await fingerprintOf(key)).length, "SHA256:".length + 43);
});
