import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { serviceList } from "../../../handlers/services/service_list.ts";
import type { Service, Services } from "../../../lib/guest/services.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { call } from "../_call.ts";

const servicesOf = (all: readonly Service[]): Services => ({
  manager: "systemd",
  list: () => Promise.resolve(all),
  status: () => Promise.reject(new Error("not asked for")),
});

Deno.test("service_list returns every service once, in pages that fit a message", async () => {
  const all = Array.from({ length: 3000 }, (_, index): Service => ({
    name: `s${String(index).padStart(4, "0")}.service`,
    state: index === 7 ? "failed" : "active",
    description: '"'.repeat(200),
  }));
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const result = z.parse(
      serviceList.result,
      await call(serviceList, { limit: 1000, cursor }, { guest: { services: servicesOf(all) } }),
    );
    assert(JSON.stringify(result).length <= 60_000);
    assertEquals(result.total_count, 3000);
    seen.push(...result.services.map(({ name }) => name));
    cursor = result.cursor;
  } while (cursor !== undefined);
  assertEquals(seen, all.map(({ name }) => name));
  const failed = z.parse(
    serviceList.result,
    await call(serviceList, { state: "failed" }, { guest: { services: servicesOf(all) } }),
  );
  assertEquals([failed.total_count, failed.services[0]?.name], [1, "s0007.service"]);
});

Deno.test("service_list of a guest without a service manager says what is missing", async () => {
  const error = await rpcErrorOf(() => call(serviceList, {}));
  assertEquals(error.code, -32000);
  assert(error.message.includes("neither systemd nor OpenRC"));
});
