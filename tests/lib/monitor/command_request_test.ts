import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  BadRequestError,
  handlerFields,
  memberOf,
  readCommand,
} from "../../../lib/monitor/command_request.ts";

for (
  const text of [
    '{"Name":"agent.Ping"}',
    '{"Command":"agent.Ping"}',
    '{"command":"agent.Ping"}',
    '{"COMMAND":"agent.Ping"}',
    '{"name":"agent.Ping"}',
    '{"Name":"agent.Ping","Command":"agent.Ping"}',
    '{"Name":"agent.Other","Command":"agent.Ping"}',
    '{"Name":5,"Command":"agent.Ping"}',
    '{"Command":null,"Name":"agent.Ping"}',
    '{"command":"first","Command":"agent.Ping"}',
    '{"Command":"first","command":"agent.Ping"}',
    '{ "X" : [1, {"Name":"other"}], "Name" : "agent.Ping" }',
    '{"Name":"agent\\u002ePing"}',
    '{"Name":"first","Name":"agent.Ping"}',
    '{"Name":"agent.Ping","__proto__":{"Name":"other"}}',
  ]
) {
  Deno.test(`${text} means agent.Ping`, () => {
    const { name, fields, text: kept } = readCommand(text);
    assertEquals([name, kept], ["agent.Ping", text]);
    assertEquals(JSON.stringify(fields), JSON.stringify(JSON.parse(text)), "all as it came");
  });
}

for (
  const text of [
    "{}",
    '{"Name":""}',
    '{"Command":null}',
    '{"Command":"","Name":"agent.Ping"}',
    '{"__proto__":{"Name":"agent.Ping"}}',
    '{"constructor":{"Name":"agent.Ping"}}',
  ]
) {
  Deno.test(`${text} has no name, which no handler is registered under`, () => {
    assertEquals(readCommand(text).name, "");
  });
}

for (
  const [text, reason] of [
    ['{"Name":1}', /^Name must be a string, received 1$/],
    ['{"Name":true}', /received true$/],
    ['{"Name":["agent.Ping"]}', /received \["agent.Ping"\]$/],
    ['{"Name":{"Name":"agent.Ping"}}', /received \{/],
    ['{"Command":7}', /^Command must be a string, received 7$/],
    ['{"Name":"agent.Ping","command":1}', /^Command must be/],
    ['{"Name":"agent.Ping",}', /^not JSON: /],
    ["{Name:'agent.Ping'}", /^not JSON: /],
    ['[{"Name":"agent.Ping"}]', /^a request is an object$/],
    ["null", /^a request is an object$/],
    ['"agent.Ping"', /^a request is an object$/],
    ['{"Name":"a\nb"}', /^not JSON: /],
  ] as const
) {
  Deno.test(`${JSON.stringify(text)} is refused`, () => {
    assertMatch(assertThrows(() => readCommand(text), BadRequestError).message, reason);
  });
}

Deno.test("memberOf() finds a member in any case, the last of several", () => {
  assertEquals(memberOf({ event: 1, EVENT: 2 }, "Event"), 2);
  assertEquals(memberOf({ Events: 1 }, "Event"), undefined);
});

Deno.test("handlerFields() leaves out the name and spells known members as usual", () => {
  const given: Record<string, unknown> = JSON.parse(
    '{"NAME":"a","command":"b","event":1,"DATA":2,"other":3,"__proto__":4}',
  );
  const fields = handlerFields(given, ["Event", "Data"]);
  assertEquals(JSON.stringify(fields), '{"Event":1,"Data":2,"other":3,"__proto__":4}');
});
