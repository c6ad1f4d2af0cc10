import { assert, assertEquals } from "@std/assert";
import { METHODS } from "../../handlers/mod.ts";
import type { AgentClient } from "../../host/client.ts";
import { isResultOf, METHOD_DESCRIPTIONS, type MethodName } from "../../host/protocol.ts";

Deno.test("the host knows every method of the agent, in the same order", () => {
  assertEquals(METHOD_DESCRIPTIONS.map(({ name }) => name), METHODS.map(({ name }) => name));
});

for (const { name, example } of METHODS) {
  Deno.test(`isResultOf() accepts the example of ${name}, also with members of a newer agent`, () => {
    const isMethod = (text: string): text is MethodName =>
      METHOD_DESCRIPTIONS.some((method) => method.name === text);
    assert(isMethod(name));
    assert(isResultOf(name, example.result));
    assert(typeof example.result === "object");
    assert(isResultOf(name, { ...example.result, added_in_2027: true }));
    const problems: string[] = [];
    assert(!isResultOf(name, {}, (problem) => problems.push(problem)));
    assert(!isResultOf(name, null) && !isResultOf(name, [example.result]));
    assert(problems.length === 1 && problems[0] !== "", problems.join());
  });
}

Deno.test("isResultOf() checks nested lists and objects", () => {
  const network = {
    interfaces: [{
      name: "eth0",
      mac_address: "52:54:00:12:34:56",
      ipv4_addresses: ["192.168.122.10/24", 17],
      ipv6_addresses: [],
      state: "up",
      mtu: 1500,
    }],
  };
  const problems: string[] = [];
  assert(!isResultOf("get_network_info", network, (problem) => problems.push(problem)));
  assert(problems[0]?.startsWith("interfaces.0.ipv4_addresses.1: "), problems[0]);
});

/** Never run: the compiler is what is tested. */
export async function types(client: AgentClient): Promise<void> {
  const { pong } = await client.call("ping");
  pong satisfies true;
  const { exit_code } = await client.call("exec_command", { command: "ls", args: ["-l"] });
  exit_code satisfies number;
  await client.call("get_system_info", {}, { timeoutMs: 1 });
  // @ts-expect-error -- no such method
  await client.call("pong");
  // @ts-expect-error -- a parameter that must be there
  await client.call("exec_command");
  // @ts-expect-error -- a parameter that must be there
  await client.call("exec_command", { args: [] });
  // @ts-expect-error -- a parameter of the wrong type
  await client.call("file_read", { path: 17 });
  // @ts-expect-error -- a value that is none of the enumeration
  await client.call("file_read", { path: "/f", encoding: "latin1" });
  // @ts-expect-error -- a parameter that does not exist
  await client.call("ping", { loud: true });
  // @ts-expect-error -- a member that no result has
  void (await client.call("ping")).ping;
}
