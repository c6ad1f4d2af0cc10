import { assertEquals, assertStringIncludes } from "@std/assert";
import { defaultConfig } from "../../../lib/config/schema.ts";
import type { Group } from "../../../lib/policy/groups.ts";
import { configWith } from "../_helpers.ts";
import { anyMethod, InProcessAgent, request } from "./_host.ts";

const allowing = (...allow: Group[]) => ({ security: { ...defaultConfig().security, allow } });

Deno.test("a method whose group is off is refused and not run", async () => {
  let runs = 0;
  const users = anyMethod("users", () => runs += 1, { access: "accounts", audited: true });
  const agent = new InProcessAgent([users], allowing("see", "exec"));
  const { error } = await agent.ask(request({ id: 1, method: "users" }));
  assertEquals([error?.code, error?.data.group], [-32001, "accounts"]);
  assertStringIncludes(error?.data.reason ?? "", 'users needs the group "accounts"');
  assertEquals(runs, 0);
});

Deno.test("a reload turns groups on and off", async () => {
  const agent = new InProcessAgent([anyMethod("users", () => "done", { access: "accounts" })]);
  const outcome = async () => {
    const { result, error } = await agent.ask(request({ id: 1, method: "users" }));
    return result ?? error?.code;
  };
  assertEquals(await outcome(), -32001);
  agent.executor.reconfigure(configWith(allowing("accounts")));
  assertEquals(await outcome(), "done");
  agent.executor.reconfigure(configWith(allowing()));
  assertEquals(await outcome(), -32001);
});

Deno.test("a method that is always on needs no group", async () => {
  const agent = new InProcessAgent([anyMethod("ping", () => "pong")], allowing());
  const { result } = await agent.ask(request({ id: 1, method: "ping" }));
  assertEquals(result, "pong");
});
