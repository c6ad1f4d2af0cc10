/**
 * Operations on users: with the real programs on a test's own /etc, and what they refuse.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { OPERATIONS } from "../../../../lib/privileged/operations.ts";
import {
  COMMAND_FAILED,
  INVALID_PARAMS,
  NOT_FOUND,
  PERMISSION_DENIED,
} from "../../../_error_codes.ts";
import { rpcErrorOf } from "../../_helpers.ts";
import { isRoot } from "../../platform/linux/privileged/_brokers.ts";
import { OwnUsers } from "../../platform/linux/privileged/_own_etc.ts";
import { ScriptedRoot } from "../_scripted_root.ts";

const MANAGED = { managed_users: ["deploy", "app-*"], managed_groups: ["audio", "video"] };

/** A scripted guest with the users root (0), daemon (1), deploy (1001) and app-sys (999). */
function scripted(security = MANAGED): ScriptedRoot {
  const passwd: Readonly<Record<string, string>> = {
    root: "root:x:0:0:root:/root:/bin/bash",
    daemon: "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin",
    deploy: "deploy:x:1001:1001::/home/deploy:/bin/bash",
    "app-sys": "app-sys:x:999:999::/srv:/bin/sh",
    "app-nobody": "app-nobody:x:65534:65534::/:/bin/sh",
  };
  return new ScriptedRoot(({ program, args }) => {
    if (program !== "getent") return {};
    const line = passwd[args[1] ?? ""];
    return line === undefined ? { code: 2 } : { stdout: `${line}\n` };
  }, security);
}

function run(name: string, params: unknown, root = scripted()): Promise<unknown> {
  const operation = OPERATIONS.find((one) => one.name === name);
  assert(operation !== undefined);
  return Promise.try(() => operation.prepare(params).run(root));
}

Deno.test({
  name: "a user is created, gets a password and groups, and is deleted, by the real programs",
  ignore: !isRoot,
  fn: async () => {
    await using users = await OwnUsers.make(MANAGED);
    const params = { user: "deploy", full_name: "De Ploy", shell: "/bin/sh", groups: ["audio"] };
    const created = Object(await users.perform("user_create", params));
    assertEquals([created.user, created.home], ["deploy", "/home/deploy"]);
    assert(created.uid >= 1000);
    assertEquals((await users.line("passwd", "deploy"))?.slice(4), [
      "De Ploy",
      "/home/deploy",
      "/bin/sh",
    ]);
    assert((await Deno.stat(users.home("deploy"))).isDirectory);
    assertEquals((await users.line("shadow", "deploy"))?.[1], "!");

    const again = await rpcErrorOf(() => users.perform("user_create", { user: "deploy" }));
    assertMatch(again.message, /already exists/);

    await users.perform("user_set_password", { user: "deploy", password: "a: b'\"$(id)ü" });
    assertMatch((await users.line("shadow", "deploy"))?.[1] ?? "", /^\$/);
    const hash =
      "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";
    await users.perform("user_set_password", { user: "deploy", password: hash, crypted: true });
    assertEquals((await users.line("shadow", "deploy"))?.[1], hash);

    assertEquals(await users.perform("user_set_groups", { user: "deploy", groups: ["video"] }), {
      user: "deploy",
      groups: ["video"],
    });
    assertEquals((await users.line("group", "audio"))?.[3], "");
    assertEquals((await users.line("group", "video"))?.[3], "deploy");

    await users.perform("user_delete", { user: "deploy", remove_home: true });
    assertEquals(await users.line("passwd", "deploy"), undefined);
    const gone = await rpcErrorOf(() => users.perform("user_delete", { user: "deploy" }));
    assertEquals(gone.code, NOT_FOUND);
  },
});

Deno.test({
  name: "groups that are not managed stay when groups are set",
  ignore: !isRoot,
  fn: async () => {
    await using users = await OwnUsers.make({ ...MANAGED, managed_groups: ["video"] });
    await users.perform("user_create", { user: "app-1" });
    const file = users.directory.at("etc/group");
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.replace(/^(audio:.*)$/m, "$1app-1"));
    assertEquals(await users.perform("user_set_groups", { user: "app-1", groups: ["video"] }), {
      user: "app-1",
      groups: ["audio", "video"],
    });
  },
});

for (
  const user of [
    "",
    "-x",
    "a:b",
    "a\nb",
    "a".repeat(1000),
    "Ä",
    "a b",
    "../x",
    "1a",
    "a\0",
    "$(id)",
  ]
) {
  Deno.test(`the name ${JSON.stringify(user.slice(0, 20))} is refused for every operation`, async () => {
    for (
      const [name, more] of [
        ["user_create", {}],
        ["user_delete", {}],
        ["user_set_password", { password: "x" }],
        ["user_set_groups", { groups: [] }],
        ["ssh_keys_list", {}],
      ] as const
    ) {
      const root = scripted({ ...MANAGED, managed_users: ["*", user] });
      const error = await rpcErrorOf(() => run(name, { user, ...more }, root));
      assertEquals([error.code, root.runs.length], [INVALID_PARAMS, 0]);
    }
  });
}

for (const user of ["root", "daemon", "app-sys", "app-nobody"]) {
  Deno.test(`${user} is not changed unless the configuration names it`, async () => {
    const everybody = scripted({ ...MANAGED, managed_users: ["*"] });
    const params = { user, password: "x" };
    const error = await rpcErrorOf(() => run("user_set_password", params, everybody));
    assertEquals(error.code, PERMISSION_DENIED);
    assertEquals(everybody.commandLines, [`getent passwd ${user}`]);
    const named = scripted({ ...MANAGED, managed_users: [user] });
    await run("user_set_password", params, named);
    assertEquals(named.runs.at(-1)?.program, "chpasswd");
  });
}

Deno.test("a user or a group that is not listed is refused, and one that does not exist", async () => {
  const unlisted = await rpcErrorOf(() => run("user_create", { user: "eve" }));
  assertEquals([unlisted.code, unlisted.data.key], [PERMISSION_DENIED, "security.managed_users"]);
  const sudo = { user: "deploy", groups: ["sudo"] };
  for (const name of ["user_set_groups", "user_create"]) {
    const error = await rpcErrorOf(() => run(name, sudo));
    assertEquals([error.code, error.data.group], [PERMISSION_DENIED, "sudo"]);
  }
  const missing = await rpcErrorOf(() => run("user_delete", { user: "app-none" }));
  assertEquals(missing.code, NOT_FOUND);
});

for (
  const [what, password, crypted] of [
    ["a newline", "a\nroot:x", false],
    ["NUL", "a\0b", false],
    ["100 kB", "x".repeat(100_000), false],
    ["nothing", "", false],
    ["a colon in a hash", "$6$a$b:0:0", true],
    ["a hash that is none", "secret", true],
  ] as const
) {
  Deno.test(`a password with ${what} is refused and not repeated`, async () => {
    const root = scripted();
    const error = await rpcErrorOf(() =>
      run("user_set_password", { user: "deploy", password, crypted }, root)
    );
    assertEquals(error.code, INVALID_PARAMS);
    if (password !== "") assertEquals(JSON.stringify(error.data).includes(password), false);
    assertEquals(root.runs, []);
  });
}

Deno.test("a password is given on standard input, and is in no argument, record or error", async () => {
  const root = new ScriptedRoot(
    ({ program }) =>
      program === "getent"
        ? { stdout: "deploy:x:1001:1001::/home/deploy:/bin/sh\n" }
        : { code: 1, stderr: "chpasswd: (user deploy) pam_chauthtok() failed" },
    MANAGED,
  );
  const operation = OPERATIONS.find(({ name }) => name === "user_set_password");
  const prepared = operation?.prepare({ user: "deploy", password: "hunter2" });
  assertEquals(prepared?.target, { user: "deploy", crypted: false });
  const error = await rpcErrorOf(() => prepared?.run(root));
  assertEquals([error.code, JSON.stringify(error.data).includes("hunter2")], [
    COMMAND_FAILED,
    false,
  ]);
  assertEquals(root.runs.at(-1), { program: "chpasswd", args: [], input: "deploy:hunter2\n" });
});

for (
  const [what, more] of [
    ["a full name with a colon", { full_name: "a:0:0" }],
    ["a full name with a newline", { full_name: "a\nb" }],
    ["a relative shell", { shell: "bash" }],
    ["a shell with a colon", { shell: "/bin/sh:x" }],
    ["a group twice", { groups: ["audio", "audio"] }],
    ["a group that is an option", { groups: ["-x"] }],
    ["a list in a group", { groups: ["audio,sudo"] }],
  ] as const
) {
  Deno.test(`user_create refuses ${what}`, async () => {
    const error = await rpcErrorOf(() => run("user_create", { user: "app-1", ...more }));
    assertEquals(error.code, INVALID_PARAMS);
  });
}
