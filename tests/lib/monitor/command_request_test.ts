import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { BadRequestError, readCommand } from "../../../lib/monitor/command_request.ts";

const read = (text: string) => readCommand(new TextEncoder().encode(text));

for (
  const text of [
    '{"Name":"agent.Ping"}',
    '{"Command":"agent.Ping"}',
    '{"Name":"agent.Ping","Command":"agent.Ping"}',
    '{ "X" : [1, {"Name":"other"}], "Name" : "agent.Ping" }',
    '{"Name":"agent\\u002ePing"}',
    '{"Name":"first","Name":"agent.Ping"}',
    '{"Name":"agent.Ping","__proto__":{"Name":"other"}}',
  ]
) {
  Deno.test(`${text} means agent.Ping`, () => {
    const { name, fields, text: kept } = read(text);
    assertEquals([name, kept], ["agent.Ping", text]);
    assertEquals(JSON.stringify(fields), JSON.stringify(JSON.parse(text)), "all as it came");
  });
}

for (
  const [text, reason] of [
    ["{}", /^there is no "Name"$/],
    ['{"name":"agent.Ping"}', /^there is no "Name"$/],
    ['{"__proto__":{"Name":"agent.Ping"}}', /^there is no "Name"$/],
    ['{"constructor":{"Name":"agent.Ping"}}', /^there is no "Name"$/],
    ['{"Name":""}', /^Name must be a command's name, received ""$/],
    ['{"Name":null}', /^Name must be a command's name, received null$/],
    ['{"Name":1}', /received 1$/],
    ['{"Name":true}', /received true$/],
    ['{"Name":["agent.Ping"]}', /received \["agent.Ping"\]$/],
    ['{"Name":{"Name":"agent.Ping"}}', /received \{/],
    ['{"Command":7}', /^Command must be a command's name, received 7$/],
    ['{"Name":"agent.Ping","Command":1}', /^Command must be/],
    ['{"Name":"agent.Ping","Command":"agent.GetInfo"}', /^Name and Command differ: "agent.Ping"/],
    ['{"Name":"agent.Ping",}', /^not JSON: /],
    ["{Name:'agent.Ping'}", /^not JSON: /],
    ['{"Name":"a\nb"}', /^not JSON: /],
  ] as const
) {
  Deno.test(`${JSON.stringify(text)} is refused`, () => {
    assertMatch(assertThrows(() => read(text), BadRequestError).message, reason);
  });
}

Deno.test("a request that is not UTF-8 is refused", () => {
  for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    const bytes = new Uint8Array([
      ...new TextEncoder().encode('{"Name":"'),
      ...bad,
      ...new TextEncoder().encode('"}'),
    ]);
    assertThrows(() => readCommand(bytes), BadRequestError, "not UTF-8");
  }
});
