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
