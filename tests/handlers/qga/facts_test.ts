import { assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { QgaHost } from "./_qga_host.ts";

const OSINFO = "guest-get-osinfo";
const INTERFACES = "guest-network-get-interfaces";
const Info = z.looseObject({
  supported_commands: z.array(z.looseObject({ name: z.string(), enabled: z.boolean() })),
});

Deno.test("without an inventory, what needs it is off, and clients skip it", async () => {
  const host = new QgaHost({ platform: "windows", inventory: undefined });
  assertMatch(await host.refusal("CommandNotFound", OSINFO), /not supported on windows/);
  assertEquals(await host.call(INTERFACES), []);
  const { supported_commands } = z.parse(Info, await host.call("guest-info"));
  const isOn = (name: string) => supported_commands.find((one) => one.name === name)?.enabled;
  assertEquals([isOn(OSINFO), isOn(INTERFACES)], [false, true]);
});

Deno.test("with an inventory it is on", async () => {
  const { supported_commands } = z.parse(Info, await new QgaHost({}).call("guest-info"));
  assertEquals(supported_commands.find(({ name }) => name === OSINFO)?.enabled, true);
});

Deno.test("what a platform lacks of the inventory is off, and the rest is on", async () => {
  const host = new QgaHost({
    platform: "windows",
    inventory: {
      blockMounts: () =>
        Promise.resolve([{ mountPoint: "C:\\", fsType: "NTFS", device: "V", disks: [] }]),
      sessions: () =>
        Promise.resolve([
          { user: "alice", domain: "A", loginTime: 20.5 },
          { user: "alice", domain: "B", loginTime: 30 },
          { user: "alice", domain: "A", loginTime: 10.5 },
        ]),
    },
  });
  assertEquals(await host.call("guest-get-fsinfo"), [
    { name: "V", mountpoint: "C:\\", type: "NTFS", disk: [] },
  ]);
  assertEquals(await host.call("guest-get-users"), [
    { user: "alice", domain: "A", "login-time": 10.5 },
    { user: "alice", domain: "B", "login-time": 30 },
  ]);
  assertEquals(await host.call(INTERFACES), []);
  assertMatch(await host.refusal("CommandNotFound", "guest-get-disks"), /not supported on windows/);
});
