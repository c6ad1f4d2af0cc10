import { assertNotEquals } from "@std/assert";
import { packageKey } from "../../../lib/guest/packages.ts";

Deno.test("packageKey() tells versions and architectures of one package apart", () => {
  const installed = { name: "zlib1g", version: "1.2", architecture: "amd64" };
  assertNotEquals(packageKey(installed), packageKey({ ...installed, version: "1.3" }));
  assertNotEquals(packageKey(installed), packageKey({ ...installed, architecture: "i386" }));
});
