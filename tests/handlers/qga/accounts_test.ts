import { assertEquals, assertMatch } from "@std/assert";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { QgaHost } from "./_qga_host.ts";

const RESULTS: Readonly<Record<string, unknown>> = {
  time_set: { time_ms: 1, step_ms: 0, hardware_clock_set: true },
  user_set_password: { user: "alice" },
  ssh_keys_add: { added: 1, already_present: 0 },
  ssh_keys_remove: { removed: 1, kept_foreign: 0 },
  ssh_keys_reset: { removed: 1, added: 1 },
};

const KEY = "ssh-ed25519 AAAA";

const CASES: readonly (readonly [string, unknown, MemoryPrivileged["performed"]])[] = [
  ["guest-set-time", undefined, [["time_set", {}]]],
  ["guest-set-time", { time: 1_795_263_145_000_000_000 }, [[
    "time_set",
    { time_ms: 1_795_263_145_000 },
  ]]],
  [
    "guest-set-user-password",
    { username: "alice", password: "c2VjcmV0", crypted: false },
    [["user_set_password", { user: "alice", password: "secret", crypted: false }]],
  ],
  [
    "guest-ssh-add-authorized-keys",
    { username: "alice", keys: [KEY, ""] },
    [["ssh_keys_add", { user: "alice", keys: [KEY] }]],
  ],
  [
    "guest-ssh-add-authorized-keys",
    { username: "alice", keys: [KEY, ""], reset: true },
    [["ssh_keys_reset", { user: "alice", keys: [KEY] }]],
  ],
  [
    "guest-ssh-add-authorized-keys",
    { username: "alice", keys: [""], reset: true },
    [["ssh_keys_reset", { user: "alice", keys: [] }]],
  ],
  [
    "guest-ssh-remove-authorized-keys",
    { username: "alice", keys: [KEY, ""] },
    [["ssh_keys_remove", { user: "alice", keys: [KEY] }]],
  ],
  // Nothing to remove is not everything.
  ["guest-ssh-remove-authorized-keys", { username: "alice", keys: [""] }, []],
];

for (const [command, parameters, expected] of CASES) {
  Deno.test(`${command} ${JSON.stringify(parameters)} has done what it says`, async () => {
    const root = new MemoryPrivileged((operation) => RESULTS[operation]);
    assertEquals(await new QgaHost({ privileged: root }).call(command, parameters), {});
    assertEquals(root.performed, expected);
  });
}

Deno.test("guest-ssh-get-authorized-keys returns the lines of the file", async () => {
  const root = new MemoryPrivileged(() => ({ lines: [KEY, `${KEY} ci`] }));
  const host = new QgaHost({ privileged: root });
  assertEquals(await host.call("guest-ssh-get-authorized-keys", { username: "alice" }), {
    keys: [KEY, `${KEY} ci`],
  });
  assertEquals(root.performed, [["ssh_keys_read", { user: "alice" }]]);
});

Deno.test("a password that is not base64 or not UTF-8 is refused, and not repeated", async () => {
  const root = new MemoryPrivileged((operation) => RESULTS[operation]);
  const host = new QgaHost({ privileged: root });
  for (const password of ["%%secret", "/w=="]) {
    const parameters = { username: "alice", password, crypted: false };
    const refusal = await host.refusal("GenericError", "guest-set-user-password", parameters);
    assertMatch(refusal, /'password'/);
    assertEquals(refusal.includes(password), false);
  }
  assertEquals(root.performed, []);
});
