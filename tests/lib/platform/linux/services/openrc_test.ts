import { assertEquals } from "@std/assert";
import { OpenrcServices, parseList } from "../../../../../lib/platform/linux/services/openrc.ts";
import { NEVER, rpcErrorOf } from "../../../_helpers.ts";

const LIST = `[sysinit]
sysfs  =  started
[default]
cron =  started
broken =  crashed
[Dynamic Runlevel: manual]
[=startup]
                 cron |      default
                sysfs |                        sysinit
               broken |
`;

Deno.test("OpenRC's list has translated states, and what starts with the guest", () => {
  assertEquals(parseList(LIST), [
    { name: "broken", state: "failed", detail: "crashed", startup: "disabled" },
    { name: "cron", state: "active", detail: "started", startup: "enabled" },
    { name: "sysfs", state: "active", detail: "started", startup: "enabled" },
  ]);
});

Deno.test("OpenRC's status has the description, and a missing service is not found", async () => {
  const answers = new Map([["cron", "present\n * cron: Periodic command scheduler\n"]]);
  const services = new OpenrcServices((_code, [name]) =>
    Promise.resolve(name === undefined ? LIST : answers.get(name) ?? "absent\n")
  );
  assertEquals(await services.status("cron", NEVER), {
    name: "cron",
    state: "active",
    detail: "started",
    startup: "enabled",
    description: "Periodic command scheduler",
    aliases: [],
  });
  assertEquals((await rpcErrorOf(() => services.status("none", NEVER))).code, -32002);
  assertEquals((await rpcErrorOf(() => services.status("-x", NEVER))).code, -32602);
});

Deno.test("an OpenRC that does not answer is an error", async () => {
  const services = new OpenrcServices(() => Promise.resolve("rc-status: command not found\n"));
  assertEquals((await rpcErrorOf(() => services.list(NEVER))).code, -32000);
});
