import { assertEquals, assertMatch } from "@std/assert";
import { modulesFor } from "../../../../lib/privileged/cloud_init/modules.ts";
import { INVALID_PARAMS } from "../../../_error_codes.ts";
import { rpcErrorOf } from "../../_helpers.ts";

Deno.test("modules run in the order of cloud-init's stages, each once", () => {
  const document = {
    packages: ["nginx"],
    users: [],
    hostname: "web",
    fqdn: "web.example",
    write_files: [{ path: "/a", defer: true }],
    bootcmd: [],
  };
  assertEquals(modulesFor(document), [
    "bootcmd",
    "write_files",
    "set_hostname",
    "users_groups",
    "package_update_upgrade_install",
    "write_files_deferred",
  ]);
});

Deno.test("deferred files have a module of their own, which runs only if there are some", () => {
  assertEquals(modulesFor({ write_files: [{ path: "/a" }, null] }), ["write_files"]);
});

Deno.test("runcmd and settings need no module of their own", () => {
  assertEquals(modulesFor({ runcmd: ["true"], merge_how: "dict()" }), []);
});

for (const key of ["power_state", "migrate", "system_info", "datasource", "constructor"]) {
  Deno.test(`the key ${key} is refused`, async () => {
    const error = await rpcErrorOf(() => modulesFor({ timezone: "UTC", [key]: {} }));
    assertEquals([error.code, error.data.keys], [INVALID_PARAMS, [key]]);
    assertMatch(error.message, new RegExp(`cannot be applied to a running guest: ${key}`));
  });
}
