import { assertEquals } from "@std/assert";
import { cloudInitStatus } from "../../../handlers/cloud_init/cloud_init_status.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { call } from "../_call.ts";

Deno.test("cloud_init_status leaves out what is not known", async () => {
  const cloudInit = {
    status: () => Promise.resolve({ state: "done" as const, dataSource: "NoCloud", errors: [] }),
  };
  assertEquals(await call(cloudInitStatus, {}, { guest: { cloudInit } }), {
    state: "done",
    data_source: "NoCloud",
    errors: [],
  });
});

Deno.test("cloud_init_status of a guest without cloud-init says that it is not installed", async () => {
  const error = await rpcErrorOf(() => call(cloudInitStatus, {}));
  assertEquals([error.code, error.message.includes("not installed")], [-32000, true]);
});
