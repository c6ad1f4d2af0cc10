import { assert, assertEquals } from "@std/assert";
import { packageKey } from "../../../../../lib/guest/packages.ts";
import { APT } from "../../../../../lib/platform/linux/packages/managers.ts";
import { LinuxPackages, linuxPackages } from "../../../../../lib/platform/linux/packages/mod.ts";
import { tool } from "../../../../_tool.ts";
import { NEVER, rpcErrorOf } from "../../../_helpers.ts";

const packagesOf = (text: string) => new LinuxPackages(APT, () => Promise.resolve(text));

Deno.test("packages are sorted, also those with several versions or architectures", async () => {
  const text = "zlib1g\t1.2\tamd64\nzlib1g\t1.2\ti386\nadduser\t3.134\tall\n\n";
  assertEquals((await packagesOf(text).list(NEVER)).map(packageKey), [
    "adduser 3.134 all",
    "zlib1g 1.2 amd64",
    "zlib1g 1.2 i386",
  ]);
});

Deno.test("a manager that prints nothing is an error, not a guest without packages", async () => {
  assertEquals((await rpcErrorOf(() => packagesOf("").list(NEVER))).code, -32000);
});

Deno.test("updates come with the age of the lists and the need for a reboot", async () => {
  const line = "Inst bash [5.2-2] (5.2-3 Debian:12/stable [amd64])";
  assertEquals(await packagesOf(`${line}\nrefreshed 1702123456\nreboot yes\n`).updates(NEVER), {
    updates: [{ name: "bash", installed: "5.2-2", available: "5.2-3", isSecurity: false }],
    refreshedAt: 1702123456,
    isRebootRequired: true,
  });
  assertEquals(await packagesOf("").updates(NEVER), { updates: [] });
});

Deno.test("the manager is the one that is installed, or none", () => {
  assertEquals(linuxPackages(false, (name) => name === "apk")?.manager, "apk");
  assertEquals(linuxPackages(false, () => false), undefined);
});

Deno.test("the list agrees with dpkg-query(1)", async () => {
  const packages = linuxPackages(false);
  if (packages?.manager !== "apt") return;
  const [name, version] = (await tool("dpkg-query", "-W", "-f=${Package} ${Version}", "dpkg"))
    .split(
      " ",
    );
  const found = (await packages.list(NEVER)).find((one) => one.name === name);
  assert(found !== undefined);
  assertEquals(found.version, version);
});
