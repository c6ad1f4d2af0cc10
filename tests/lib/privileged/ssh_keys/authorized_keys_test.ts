/**
 * A user's keys, in homes of real users, some of them hostile.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { RpcError } from "../../../../lib/base/errors.ts";
import { runProgram } from "../../../../lib/platform/linux/privileged/root_tools.ts";
import type { Root } from "../../../../lib/privileged/operation.ts";
import { sshKeysAddAsRoot } from "../../../../lib/privileged/ssh_keys/ssh_keys_add.ts";
import { COMMAND_FAILED, INVALID_PARAMS } from "../../../_error_codes.ts";
import { namesIn, rpcErrorOf, TempDirectory } from "../../_helpers.ts";
import { isRoot, sh } from "../../platform/linux/privileged/_brokers.ts";
import { ScriptedRoot } from "../_scripted_root.ts";
import { OwnUsers } from "../../platform/linux/privileged/_own_etc.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK9HzPIEAI4IlkFV4Y9OWlHyEJhXgXmRvP8Ka2bEIcVY";
const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK9HzPIEAI4IlkFV4Y9OWlHyEJhXgXmRvP8Ka2bEIcVZ";
const user = "deploy";

/** A test with one user, who exists. */
const test = (name: string, fn: (users: OwnUsers) => Promise<void>) =>
  Deno.test({
    name,
    ignore: !isRoot,
    fn: async () => {
      await using users = await OwnUsers.make({ managed_users: [user] });
      await users.perform("user_create", { user });
      await fn(users);
    },
  });

test("keys are added, listed, read and removed, and foreign ones stay", async (users) => {
  assertEquals(await users.perform("ssh_keys_list", { user }), { keys: [], truncated: false });
  assertEquals(await users.perform("ssh_keys_add", { user, keys: [`${KEY} ci`] }), {
    added: 1,
    already_present: 0,
  });
  const file = users.home(user, ".ssh/authorized_keys");
  const { uid, mode } = await Deno.stat(file);
  const directory = await Deno.stat(users.home(user, ".ssh"));
  const owner = Number((await users.line("passwd", user))?.[2]);
  assertEquals([uid, (mode ?? 0) & 0o777, directory.uid, (directory.mode ?? 0) & 0o777], [
    owner,
    0o600,
    owner,
    0o700,
  ]);
  await Deno.writeTextFile(file, `# mine\n${OTHER} me\n`, { append: true });
  assertEquals(await users.perform("ssh_keys_add", { user, keys: [KEY] }), {
    added: 0,
    already_present: 1,
  });
  const { keys } = Object(await users.perform("ssh_keys_list", { user }));
  assertEquals(
    keys.map((key: { comment: string; managed: boolean }) => [key.comment, key.managed]),
    [["ci", true], ["me", false]],
  );
  assertEquals(await users.perform("ssh_keys_read", { user }), {
    lines: [`${KEY} ci`, `${OTHER} me`],
  });
  assertEquals(await users.perform("ssh_keys_remove", { user, keys: [KEY, OTHER] }), {
    removed: 1,
    kept_foreign: 1,
  });
  assertEquals(await Deno.readTextFile(file), `# mine\n${OTHER} me\n`);
});

test("a reset puts keys in place of those that a host has added", async (users) => {
  const file = users.home(user, ".ssh/authorized_keys");
  const lines = async () => (await Deno.readTextFile(file)).split("\n").slice(0, -1);
  await users.perform("ssh_keys_add", { user, keys: [`${KEY} ci`] });
  await Deno.writeTextFile(file, `${OTHER} me\n`, { append: true });
  const reset = (...keys: string[]) => users.perform("ssh_keys_reset", { user, keys });
  assertEquals(await reset(`${KEY} new`, OTHER), { removed: 1, added: 1 });
  assertEquals(await lines(), [`${OTHER} me`, `${KEY} new [kvmmanager-agent]`]);
  // Nothing of a list is done if a part of it is no key.
  const error = await rpcErrorOf(() => reset("no key"));
  assertEquals([error.code, (await lines()).length], [INVALID_PARAMS, 2]);
  assertEquals(await reset(), { removed: 1, added: 0 });
  assertEquals(await lines(), [`${OTHER} me`]);
  assertEquals(await reset(), { removed: 0, added: 0 });
});

for (
  const [what, code] of [
    ["a .ssh that is a link", 'mkdir "$1/real" "$2/target"; ln -s "$2/target" "$1/.ssh"'],
    ["a .ssh that leads nowhere", 'ln -s /nonexistent "$1/.ssh"'],
    [
      "a file that is a link to root's",
      'mkdir "$1/.ssh"; ln -s "$2/precious" "$1/.ssh/authorized_keys"',
    ],
    ["a file that is a directory", 'mkdir -p "$1/.ssh/authorized_keys"'],
    ["a file that is a FIFO", 'mkdir "$1/.ssh"; mkfifo "$1/.ssh/authorized_keys"'],
    ["a .ssh that is a file", ': >"$1/.ssh"'],
  ] as const
) {
  test(`${what} is refused, and nothing outside the home is read or changed`, async (users) => {
    const outside = await users.directory.directory("outside");
    await Deno.writeTextFile(`${outside}/precious`, `${KEY} root's\n`, { mode: 0o600 });
    await sh(`${code}; chown -hR ${user} "$1"`.replace(user, "1000"), users.home(user), outside);
    for (const name of ["ssh_keys_list", "ssh_keys_add", "ssh_keys_remove", "ssh_keys_reset"]) {
      const params = /add|reset/.test(name) ? { user, keys: [OTHER] } : { user };
      const error = await rpcErrorOf(() => users.perform(name, params));
      assertMatch(error.message, /authorized_keys/);
    }
    assertEquals(await Deno.readTextFile(`${outside}/precious`), `${KEY} root's\n`);
  });
}

/** A root whose user is another one of this machine, with a home of the test. */
class RootWithHome extends ScriptedRoot {
  readonly #account: string;

  constructor(uid: number, home: string) {
    super(undefined, { managed_users: [user] });
    this.#account = `${user}:x:${uid}:${uid}::${home}:/bin/sh\n`;
  }

  override run = (...[program, args, options]: Parameters<Root["run"]>) =>
    program === "setpriv"
      ? runProgram(program, args, this.signal, options)
      : Promise.resolve({ code: 0, stderr: "", stdout: this.#account });
}

/** Swaps the directory, then the file, for links to those of root's, as fast as it can. */
const SWAPPER = `cd "$1"
while :; do
  rm -rf .ssh; ln -s "$2" .ssh; rm -f .ssh
  mkdir .ssh; ln -s "$2/precious" .ssh/authorized_keys; rm -f .ssh/authorized_keys
  : >.ssh/authorized_keys
done`;

Deno.test({
  name: "a user who swaps files and links while keys are added 1,000 times gains nothing",
  ignore: !isRoot,
  fn: async () => {
    await using directory = await TempDirectory.make();
    await Deno.chmod(directory.path, 0o755);
    const outside = await directory.directory("outside");
    await Deno.chmod(outside, 0o755);
    await Deno.writeTextFile(`${outside}/precious`, "precious\n", { mode: 0o600 });
    const home = await directory.directory("home");
    const uid = Number(await sh("id -u nobody"));
    await Deno.chown(home, uid, uid);
    const root = new RootWithHome(uid, home);
    const add = () => Promise.try(() => sshKeysAddAsRoot.prepare({ user, keys: [KEY] }).run(root));
    const attacker = new Deno.Command("setpriv", {
      args: [
        ...[`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"],
        ...["sh", "-c", SWAPPER, "sh", home, outside],
      ],
      stdin: "null",
      stderr: "null",
    }).spawn();
    try {
      for (let round = 0; round < 1000; round++) {
        try {
          await add();
        } catch (error) {
          assertEquals(error instanceof RpcError && error.code, COMMAND_FAILED);
        }
      }
    } finally {
      attacker.kill("SIGKILL");
      await attacker.status;
    }
    const { uid: owner, mode } = await Deno.stat(`${outside}/precious`);
    assertEquals([owner, (mode ?? 0) & 0o777], [0, 0o600]);
    assertEquals(await Deno.readTextFile(`${outside}/precious`), "precious\n");
    assertEquals(await namesIn(outside), ["precious"]);
    await sh('rm -rf "$1/.ssh"', home);
    assertEquals(await add(), { added: 1, already_present: 0 });
    assertEquals((await Deno.stat(`${home}/.ssh/authorized_keys`)).uid, uid);
  },
});

test("ten thousand keys, options and line breaks are refused", async (users) => {
  for (
    const keys of [
      Array(10_000).fill(KEY),
      [`command="id" ${KEY}`],
      [`${KEY}\n${KEY}`],
      ["ssh-ed25519 !!!"],
      [],
    ]
  ) {
    const error = await rpcErrorOf(() => users.perform("ssh_keys_add", { user, keys }));
    assertEquals(error.code, INVALID_PARAMS);
  }
});
