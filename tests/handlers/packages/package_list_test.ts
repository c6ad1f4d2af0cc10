import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { packageList } from "../../../handlers/packages/package_list.ts";
import type { Packages } from "../../../lib/guest/packages.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { call } from "../_call.ts";

const PACKAGES: Packages = {
  manager: "dnf",
  list: () =>
    Promise.resolve([
      { name: "kernel", version: "6.1", architecture: "x86_64" },
      { name: "kernel", version: "6.5", architecture: "x86_64" },
      { name: "zlib", version: "1.2", architecture: "x86_64" },
    ]),
  updates: () => Promise.resolve({ updates: [] }),
};

Deno.test("package_list returns several versions of a package, each once, page by page", async () => {
  const versions: string[] = [];
  let cursor: string | undefined;
  do {
    const result = z.parse(
      packageList.result,
      await call(packageList, { limit: 1, cursor }, { guest: { packages: PACKAGES } }),
    );
    assertEquals([result.manager, result.total_count], ["dnf", 3]);
    versions.push(...result.packages.map(({ version }) => version));
    cursor = result.cursor;
  } while (cursor !== undefined);
  assertEquals(versions, ["6.1", "6.5", "1.2"]);
  const filtered = await call(packageList, { name: "zlib" }, { guest: { packages: PACKAGES } });
  assertEquals(z.parse(packageList.result, filtered).total_count, 1);
});

Deno.test("package_list of a guest without a package manager says what is missing", async () => {
  const error = await rpcErrorOf(() => call(packageList, {}));
  assertEquals(error.code, -32000);
  assert(error.message.includes("neither apt nor zypper nor dnf nor apk"));
});
