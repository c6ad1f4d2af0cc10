/** Which calls drop the reports that the guest keeps. */

import { assert, assertEquals } from "@std/assert";
import { permissionDenied } from "../../../lib/base/errors.ts";
import { Executor } from "../../../lib/core/executor.ts";
import type { Method } from "../../../lib/core/method.ts";
import { ResultThen } from "../../../lib/core/outcome.ts";
import { KeptReports } from "../../../lib/guest/kept_reports.ts";
import { GROUPS } from "../../../lib/policy/groups.ts";
import { CollectingLog, configWith } from "../_helpers.ts";
import { memoryServices } from "../guest/_memory_guest.ts";
import { defaultConfig } from "../../../lib/config/schema.ts";
import { anyMethod, ParkedMethod, request, TestHost } from "./_host.ts";

/** A host of a guest that keeps reports. */
function hostOf(...methods: readonly Method[]) {
  const reports = new KeptReports();
  const config = configWith({ security: { ...defaultConfig().security, allow: [...GROUPS] } });
  const services = memoryServices({ reports });
  const log = new CollectingLog();
  return { reports, host: new TestHost(new Executor({ config, ...services, log, methods })) };
}

const call = (method: string) => request({ id: 1, method });

for (const access of ["always", ...GROUPS] as const) {
  const looks = access === "see" || access === "file-read";
  Deno.test(`a call of the group ${access} ${looks ? "drops no report" : "drops reports"}`, async () => {
    const parked = new ParkedMethod("park", { access });
    const { reports, host } = hostOf(parked.method);
    const before = reports.era;
    const answered = host.ask(call("park"));
    const { finish } = await parked.call(0);
    assertEquals(reports.era, looks ? before : undefined);
    finish("done");
    assertEquals((await answered).result, "done");
    assertEquals(reports.era === before, looks);
  });
}

Deno.test("an immediate call drops no report", async () => {
  const { reports, host } = hostOf(anyMethod("quick", () => "quick", { immediate: true }));
  const before = reports.era;
  await host.ask(call("quick"));
  assertEquals(reports.era, before);
});

Deno.test("a call that fails has dropped the reports before its answer", async () => {
  const { reports, host } = hostOf(anyMethod("fail", () => Promise.reject(permissionDenied("no"))));
  const before = reports.era;
  let atAnswer: number | undefined;
  await host.handle(call("fail"), () => {
    atAnswer = reports.era;
    return Promise.resolve();
  });
  assert(atAnswer !== undefined && atAnswer !== before);
});

Deno.test("a call that is refused drops no report", async () => {
  const { reports, host } = hostOf();
  const before = reports.era;
  await host.ask(call("unknown"));
  assertEquals(reports.era, before);
});

Deno.test("no report is kept while an action after an answer is under way", async () => {
  const acting = Promise.withResolvers<void>();
  const acted = Promise.withResolvers<void>();
  const { reports, host } = hostOf(anyMethod("act", () =>
    new ResultThen("announced", {
      run: () => {
        acting.resolve();
        return acted.promise;
      },
      drop: () => {},
    })));
  const done = host.handle(call("act"), () => Promise.resolve());
  await acting.promise;
  assertEquals(reports.era, undefined);
  acted.resolve();
  await done;
  assert(reports.era !== undefined);
});
