import { assertEquals, assertThrows } from "@std/assert";
import { freezeOrder } from "../../../lib/privileged/filesystems.ts";
import { mountAt } from "./_scripted_root.ts";

const order = (...mounts: Parameters<typeof freezeOrder>[0]) =>
  freezeOrder(mounts).map(({ mountPoint }) => mountPoint);

Deno.test("file systems are frozen in the reverse order of mounting", () => {
  assertEquals(order(mountAt("/"), mountAt("/var"), mountAt("/var/lib")), [
    "/var/lib",
    "/var",
    "/",
  ]);
});

Deno.test("a file system on a loop device is frozen before the one that holds its file", () => {
  const image = mountAt("/image", { backedBy: "/data" });
  assertEquals(order(mountAt("/"), image, mountAt("/data")), ["/image", "/data", "/"]);
  assertEquals(
    order(mountAt("/"), image, mountAt("/data", { backedBy: "/deep" }), mountAt("/deep")),
    ["/image", "/data", "/deep", "/"],
  );
});

Deno.test("a stack of loop devices without a bottom is an error", () => {
  assertThrows(() => order(mountAt("/a", { backedBy: "/b" }), mountAt("/b", { backedBy: "/a" })));
});
