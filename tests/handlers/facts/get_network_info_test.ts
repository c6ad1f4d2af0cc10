import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { getNetworkInfo } from "../../../handlers/facts/get_network_info.ts";
import { Served } from "../_served.ts";
import { tool } from "../../_tool.ts";

const Result = z.strictObject({
  interfaces: z.array(z.strictObject({
    name: z.string(),
    mac_address: z.string(),
    ipv4_addresses: z.array(z.string()),
    ipv6_addresses: z.array(z.string()),
    state: z.string(),
    mtu: z.int(),
  })),
});

/** What `ip -json address` prints, as far as it is compared. */
const IpAddress = z.array(z.looseObject({
  ifname: z.string(),
  mtu: z.int(),
  operstate: z.string(),
  flags: z.array(z.string()),
  address: z.optional(z.string()),
  addr_info: z.array(z.looseObject({
    family: z.optional(z.string()),
    local: z.optional(z.string()),
    prefixlen: z.optional(z.int()),
  })),
}));

type Interface = z.output<typeof Result>["interfaces"][number];

/** The output of `ip -json address`, in the protocol's words. */
function asInterfaces(json: string): Interface[] {
  return z.parse(IpAddress, JSON.parse(json)).map((link) => {
    const { ifname: name, mtu, operstate, flags, address, addr_info } = link;
    const of = (family: string) =>
      addr_info.filter((one) => one.family === family)
        .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
    return {
      name,
      mac_address: address?.includes(":") ? address : "00:00:00:00:00:00",
      ipv4_addresses: of("inet"),
      ipv6_addresses: of("inet6"),
      state: operstate === "UNKNOWN"
        ? (flags.includes("UP") ? "up" : "down")
        : operstate.toLowerCase(),
      mtu,
    };
  });
}

/** Sorted, since the tools list them in different orders. */
const sorted = (interfaces: readonly Interface[]) =>
  interfaces.map((one) => ({
    ...one,
    ipv4_addresses: one.ipv4_addresses.toSorted(),
    ipv6_addresses: one.ipv6_addresses.toSorted(),
  })).sort((a, b) => a.name < b.name ? -1 : 1);

Deno.test("get_network_info agrees with ip about every interface, address, state and MTU", async () => {
  await using served = await Served.start(getNetworkInfo);
  const { interfaces } = await served.call(undefined, Result);
  assertEquals(sorted(interfaces), sorted(asInterfaces(await tool("ip", "-json", "address"))));
});

Deno.test("get_network_info lists the loopback interface", async () => {
  await using served = await Served.start(getNetworkInfo);
  const { interfaces } = await served.call({}, Result);
  const loopback = interfaces.find(({ name }) => name === "lo");
  assert(loopback !== undefined);
  assertEquals(loopback.mac_address, "00:00:00:00:00:00");
  for (const { mac_address, ipv4_addresses, ipv6_addresses, mtu } of interfaces) {
    assertMatch(mac_address, /^[0-9a-f]{2}(:[0-9a-f]{2})+$/);
    for (const address of ipv4_addresses) assertMatch(address, /^\d+(\.\d+){3}\/\d+$/);
    for (const address of ipv6_addresses) assertMatch(address, /^[0-9a-f:.]+\/\d+$/);
    assert(mtu > 0);
  }
  assertEquals(new Set(interfaces.map(({ name }) => name)).size, interfaces.length);
});

/** An interface that is up, one that is down, addresses, and a label that looks like an interface. */
const SET_UP = [
  "ip link set lo up",
  "ip address add 127.0.0.2/32 dev lo label lo:1",
  "ip link add busy0 mtu 1280 address 52:54:00:12:34:56 type veth peer name busy1",
  "ip link set busy0 up",
  "ip link set busy1 up",
  "ip address add 192.0.2.1/24 dev busy0",
  "ip address add 192.0.2.2/32 dev busy0 label busy0:1",
  "ip address add 2001:db8::1/64 dev busy0 nodad",
  "ip link add quiet0 type veth peer name quiet1",
].join(" && ");

Deno.test("get_network_info handles interfaces without addresses, down ones and labels", async () => {
  const words = await namespaceOf(SET_UP);
  // If no network namespace with such interfaces can be created, only the machine's interfaces are
  // tested.
  if (words === undefined) return;
  await using served = await Served.start(getNetworkInfo, {
    wrapper: () => [...words, "sh", "-c", `${SET_UP} && exec "$0" "$@"`],
  });
  const { interfaces } = await served.call({}, Result);
  const find = (name: string) => interfaces.find((one) => one.name === name);
  const busy = find("busy0");
  assertEquals(busy?.mac_address, "52:54:00:12:34:56");
  assertEquals([busy?.mtu, busy?.state], [1280, "up"]);
  assertEquals(busy?.ipv4_addresses, ["192.0.2.1/24", "192.0.2.2/32"]);
  assert(busy?.ipv6_addresses.includes("2001:db8::1/64"), `${busy?.ipv6_addresses}`);
  assertEquals(find("lo")?.ipv4_addresses, ["127.0.0.1/8", "127.0.0.2/32"]);
  const quiet = find("quiet0");
  assertEquals([quiet?.state, quiet?.ipv4_addresses, quiet?.ipv6_addresses], ["down", [], []]);
  assertEquals(interfaces.map(({ name }) => name), ["busy0", "busy1", "lo", "quiet0", "quiet1"]);
  const { stdout } = z.parse(
    z.looseObject({ stdout: z.string() }),
    (await served.host.request("exec_command", { command: "ip", args: ["-json", "address"] }))
      .result,
  );
  assertEquals(sorted(interfaces), sorted(asInterfaces(stdout)));
});

/** The words in front of a command that give it a separate network, if the setup works. */
async function namespaceOf(setUp: string): Promise<string[] | undefined> {
  // sysfs shows the interfaces of the namespace that mounted it.
  const mount = "mount -t sysfs sysfs /sys";
  for (const words of [["unshare", "-mn"], ["unshare", "-rmn"]]) {
    const [program = "", ...args] = words;
    const wrapped = ["sh", "-c", `${mount} && exec "$0" "$@"`];
    try {
      const { success } = await new Deno.Command(program, {
        args: [...args, ...wrapped, "sh", "-c", setUp],
        stdout: "null",
        stderr: "null",
      }).output();
      if (success) return [...words, ...wrapped];
    } catch {
      // The program does not exist.
    }
  }
  return undefined;
}
