import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Operation } from "../../../../lib/privileged/operation.ts";
import { packageInstallAsRoot } from "../../../../lib/privileged/packages/package_install.ts";
import { packageRemoveAsRoot } from "../../../../lib/privileged/packages/package_remove.ts";
import { packageUpgradeAsRoot } from "../../../../lib/privileged/packages/package_upgrade.ts";
import { COMMAND_FAILED, INVALID_PARAMS, NOT_FOUND } from "../../../_error_codes.ts";
import { rpcErrorOf } from "../../_helpers.ts";
import { type Answer, ScriptedRoot } from "../_scripted_root.ts";

const MANAGERS = ["apt-get", "zypper", "dnf", "apk"];

/** A guest with one package manager. */
function guestWith(manager: string, answer: Answer = () => ({})): ScriptedRoot {
  const root = new ScriptedRoot((run) => {
    if (run.program === "cat" || run.args.includes("needs-rebooting")) return { code: 1 };
    return answer(run);
  });
  root.missing = MANAGERS.filter((name) => name !== manager);
  return root;
}

const perform = (operation: Operation, params: unknown, root: ScriptedRoot) =>
  Promise.try(() => operation.prepare(params).run(root));

for (
  const [manager, refresh, install, remove, upgrade] of [
    [
      "apt-get",
      "update",
      "install -- htop g++",
      "remove -- htop g++",
      "--with-new-pkgs upgrade",
    ],
    [
      "zypper",
      "zypper --non-interactive refresh",
      "zypper --non-interactive install --name htop g++",
      "zypper --non-interactive remove --name htop g++",
      "zypper --non-interactive update",
    ],
    [
      "dnf",
      "dnf --assumeyes makecache",
      "dnf --assumeyes install htop g++",
      "dnf --assumeyes remove htop g++",
      "dnf --assumeyes upgrade",
    ],
    ["apk", "apk update", "apk add htop g++", "apk del htop g++", "apk upgrade"],
  ] as const
) {
  Deno.test(`${manager} installs, removes and upgrades`, async () => {
    const packages = ["htop", "g++"];
    const root = guestWith(manager, () => ({ stdout: "installed\n" }));
    const lines = () =>
      root.commandLines.filter((line) => line.startsWith(manager) && !line.includes("needs-"));
    await perform(packageInstallAsRoot, { packages }, root);
    await perform(packageRemoveAsRoot, { packages }, root);
    await perform(packageUpgradeAsRoot, { refresh: false }, root);
    for (const [index, end] of [refresh, install, remove, upgrade].entries()) {
      assertMatch(lines()[index] ?? "", new RegExp(`${end.replaceAll("+", "\\+")}$`));
    }
    assertEquals(lines().length, 4);
  });
}

Deno.test("apt asks nothing, keeps configuration files and does not wait for a lock", async () => {
  const root = guestWith("apt-get");
  await perform(packageInstallAsRoot, { packages: ["htop"], refresh: false }, root);
  const line = root.commandLines[0] ?? "";
  for (const part of ["--assume-yes", "--force-confold", "--force-confdef", "Lock::Timeout=0"]) {
    assertStringIncludes(line, part);
  }
});

Deno.test("single packages are upgraded and never newly installed by apt", async () => {
  const root = guestWith("apt-get");
  await perform(packageUpgradeAsRoot, { packages: ["htop"], refresh: false }, root);
  assertMatch(root.commandLines[0] ?? "", /--only-upgrade install -- htop$/);
});

Deno.test("a failing step ends it with the manager's exit status", async () => {
  const root = guestWith("apt-get", ({ args }) => ({ code: args.at(-1) === "update" ? 100 : 0 }));
  const params = { packages: ["htop"] };
  assertEquals(await perform(packageInstallAsRoot, params, root), { exit_code: 100 });
  assertEquals(root.runs.length, 1);
});

Deno.test("a reboot that is needed is told, and only after success", async () => {
  const apt = new ScriptedRoot();
  await perform(packageUpgradeAsRoot, { refresh: false }, apt);
  assertMatch(apt.told.join(), /needs a reboot/);
  const failing = new ScriptedRoot(({ program }) => ({ code: program === "apt-get" ? 100 : 0 }));
  await perform(packageUpgradeAsRoot, { refresh: false }, failing);
  assertEquals(failing.told, []);
  const zypper = new ScriptedRoot(() => ({ code: 102 }));
  zypper.missing = ["apt-get"];
  const result = await perform(packageUpgradeAsRoot, { refresh: false }, zypper);
  assertEquals([result, zypper.told.length], [{ exit_code: 0 }, 1]);
  const dnf = new ScriptedRoot(({ program }) => ({ code: program === "dnf" ? 0 : 1 }));
  dnf.missing = ["apt-get", "zypper"];
  await perform(packageUpgradeAsRoot, { refresh: false }, dnf);
  assertEquals(dnf.told.length, 1);
});

Deno.test("apt removes only what is installed: it would install foo for foo+", async () => {
  for (const answer of [{ code: 1 }, { stdout: "not-installed\n" }]) {
    const root = guestWith("apt-get", () => answer);
    const error = await rpcErrorOf(() =>
      perform(packageRemoveAsRoot, { packages: ["foo+"] }, root)
    );
    assertEquals([error.code, error.data.package], [NOT_FOUND, "foo+"]);
    assertEquals(root.runs.map(({ program }) => program), ["dpkg-query"]);
  }
});

Deno.test("a guest without a package manager says what is missing", async () => {
  const error = await rpcErrorOf(() => perform(packageUpgradeAsRoot, {}, guestWith("none")));
  assertEquals(error.code, COMMAND_FAILED);
  assertMatch(error.message, /neither apt nor zypper nor dnf nor apk/);
});

for (
  const name of [
    ...["-y", "--option", "pkg=1.0; rm", "pkg=1.0", "./local.deb", "/tmp/x.deb", "x.deb/sid"],
    ...[
      "",
      " ",
      "a b",
      "a\nb",
      "a\0",
      "py*",
      "^py",
      "foo-",
      "foo:i386",
      "foo@edge",
      "foo<2",
      "~nfoo",
    ],
    ...["!foo", "$(id)", "a".repeat(129), "+foo", ".foo", "ä"],
  ]
) {
  Deno.test(`the package ${JSON.stringify(name.slice(0, 20))} is refused`, async () => {
    for (const operation of [packageInstallAsRoot, packageRemoveAsRoot]) {
      const root = guestWith("apt-get");
      const error = await rpcErrorOf(() => perform(operation, { packages: ["htop", name] }, root));
      assertEquals([error.code, root.runs], [INVALID_PARAMS, []]);
    }
  });
}

Deno.test("no packages, or a thousand, are refused", async () => {
  for (const packages of [[], Array.from({ length: 1000 }, (_, index) => `p${index}`)]) {
    const error = await rpcErrorOf(() =>
      perform(packageInstallAsRoot, { packages }, guestWith("apt-get"))
    );
    assertEquals(error.code, INVALID_PARAMS);
  }
});
