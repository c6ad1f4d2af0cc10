import { assertEquals } from "@std/assert";
import * as z from "zod";
import { serviceStatus } from "../../../handlers/services/service_status.ts";
import type { Services } from "../../../lib/guest/services.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { call } from "../_call.ts";

Deno.test("service_status leaves out what the manager does not measure", async () => {
  const services: Services = {
    manager: "openrc",
    list: () => Promise.resolve([]),
    status: (name) => Promise.resolve({ name, state: "active", aliases: [], restarts: 0 }),
  };
  const result = await call(serviceStatus, { name: "cron" }, { guest: { services } });
  assertEquals(JSON.parse(JSON.stringify(z.parse(serviceStatus.result, result))), {
    name: "cron",
    state: "active",
    aliases: [],
    restart_count: 0,
  });
});

Deno.test("service_status of a guest without a service manager says so", async () => {
  assertEquals((await rpcErrorOf(() => call(serviceStatus, { name: "cron" }))).code, -32000);
});
