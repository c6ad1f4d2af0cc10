import { assertEquals, assertMatch } from "@std/assert";
import { commandFailed } from "../../../lib/base/errors.ts";
import { EMPTY_INVENTORY } from "../../lib/guest/_memory_guest.ts";
import { MemoryPrivileged } from "../../lib/guest/_memory_privileged.ts";
import { QgaHost } from "./_qga_host.ts";

const mount = (mountPoint: string) => ({ mountPoint, fsType: "ext4", device: "vda1", disks: [] });

const inventory = {
  ...EMPTY_INVENTORY,
  blockMounts: () => Promise.resolve([mount("/"), mount("/srv a\n"), mount("/srv a\n")]),
};

/** A broker that freezes what it is told to. */
function freezer(endedBy: "request" | "ttl" = "request") {
  const root: MemoryPrivileged = new MemoryPrivileged((operation) => {
    if (operation === "fs_freeze") {
      root.isFrozen = true;
      return { frozen: ["/srv", "/"], skipped: [] };
    }
    const thawed = root.isFrozen && endedBy === "request" ? ["/", "/srv"] : [];
    const ending = root.isFrozen ? endedBy : null;
    root.isFrozen = false;
    return { thawed, problems: [], ended_by: ending };
  });
  return root;
}

Deno.test("a freeze has the configured time; thaw ends it, and thaws nothing the second time", async () => {
  const root = freezer();
  const host = new QgaHost({ privileged: root }, { freeze_ttl_seconds: 77 });
  assertEquals(await host.call("guest-fsfreeze-status"), "thawed");
  assertEquals(await host.call("guest-fsfreeze-freeze"), 2);
  assertEquals(root.performed, [["fs_freeze", { ttl_seconds: 77 }]]);
  assertEquals(await host.call("guest-fsfreeze-status"), "frozen");
  assertEquals(await host.call("guest-fsfreeze-thaw"), 2);
  assertEquals(await host.call("guest-fsfreeze-status"), "thawed");
  assertEquals(await host.call("guest-fsfreeze-thaw"), 0);
});

Deno.test("while file systems are frozen, only what needs no disk is on", async () => {
  const host = new QgaHost({ privileged: freezer() });
  await host.call("guest-fsfreeze-freeze");
  assertMatch(await host.refusal("CommandNotFound", "guest-fstrim"), /file systems are frozen/);
  assertEquals(await host.call("guest-ping"), {});
  assertEquals(await host.call("guest-sync", { id: 1 }), 1);
  assertMatch(await host.send("guest-sync-delimited", { id: 2 }), /^.*\{"return":2\}\n$/);
  const { supported_commands: commands } = Object(await host.call("guest-info"));
  const on = commands.filter((one: { enabled: boolean }) => one.enabled)
    .map((one: { name: string }) => one.name);
  assertEquals(on, [
    "guest-sync",
    "guest-sync-delimited",
    "guest-ping",
    "guest-info",
    "guest-fsfreeze-status",
    "guest-fsfreeze-thaw",
  ]);
  for (const { name } of commands) {
    if (!on.includes(name)) assertMatch(await host.refusal("CommandNotFound", name), /./);
  }
  assertEquals(await host.call("guest-fsfreeze-thaw"), 2);
  assertEquals(Object(await host.call("guest-get-osinfo")).id, "testix");
});

Deno.test("a list freezes the mount points that there are, whatever their names", async () => {
  const root = freezer();
  const host = new QgaHost({ privileged: root, inventory });
  for (const mountpoints of [[], ["/nowhere", "relative", ""]]) {
    assertEquals(await host.call("guest-fsfreeze-freeze-list", { mountpoints }), 0);
  }
  assertEquals(root.performed, []);
  const mountpoints = ["/nowhere", "/srv a\n"];
  assertEquals(await host.call("guest-fsfreeze-freeze-list", { mountpoints }), 2);
  assertEquals(root.performed, [["fs_freeze", { ttl_seconds: 600, mount_points: ["/srv a\n"] }]]);
});

Deno.test("a list that is absent freezes all", async () => {
  const root = freezer();
  const host = new QgaHost({ privileged: root, inventory });
  assertEquals(await host.call("guest-fsfreeze-freeze-list"), 2);
  assertEquals(root.performed, [["fs_freeze", { ttl_seconds: 600 }]]);
});

Deno.test("a guest with nothing to freeze is not left frozen", async () => {
  const root = new MemoryPrivileged((operation) =>
    operation === "fs_freeze"
      ? { frozen: [], skipped: [] }
      : { thawed: [], problems: [], ended_by: "request" }
  );
  const host = new QgaHost({ privileged: root });
  assertEquals(await host.call("guest-fsfreeze-freeze"), 0);
  assertEquals(root.performed.map(([operation]) => operation), ["fs_freeze", "fs_thaw"]);
});

Deno.test("a thaw after the freeze's end tells that a copy may not be consistent", async () => {
  const host = new QgaHost({ privileged: freezer("ttl") });
  await host.call("guest-fsfreeze-freeze");
  assertMatch(
    await host.refusal("GenericError", "guest-fsfreeze-thaw"),
    /its time was over.*may not be consistent/,
  );
  assertEquals(await host.call("guest-fsfreeze-thaw"), 0);
});

Deno.test("guest-fstrim tells what was trimmed and what could not be", async () => {
  const root = new MemoryPrivileged(() => ({
    filesystems: [
      { mount_point: "/", trimmed_bytes: 5 },
      { mount_point: "/srv", error: "the discard operation is not supported" },
    ],
  }));
  const host = new QgaHost({ privileged: root });
  assertEquals(await host.call("guest-fstrim", { minimum: 4096 }), {
    paths: [
      { path: "/", trimmed: 5, minimum: 4096 },
      { path: "/srv", error: "the discard operation is not supported" },
    ],
  });
  await host.call("guest-fstrim");
  assertEquals(root.performed.map(([, params]) => params), [
    { minimum_bytes: 4096 },
    { minimum_bytes: 0 },
  ]);
});

Deno.test("without a way to root the commands are off, and what fails is a plain error", async () => {
  const host = new QgaHost({});
  for (const command of ["guest-fsfreeze-freeze", "guest-fsfreeze-thaw", "guest-fstrim"]) {
    assertMatch(await host.refusal("CommandNotFound", command), /--broker none/);
  }
  assertEquals(await host.call("guest-fsfreeze-status"), "thawed");
  const root = new MemoryPrivileged(() => Promise.reject(commandFailed("a hook failed")));
  const failing = new QgaHost({ privileged: root });
  assertEquals(await failing.refusal("GenericError", "guest-fsfreeze-freeze"), "a hook failed");
});
