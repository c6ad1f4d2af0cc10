import { assert, assertEquals } from "@std/assert";
import { Sampler, type SamplerTimes } from "../../../../host/daemon/exporter/sampler.ts";
import type { GuestFacts } from "../../../../host/daemon/exporter/guest_facts.ts";
import { until } from "../../../_waiting.ts";
import { errorLine } from "../../_scripted_agent.ts";
import { answerExamples, Guests } from "./_guests.ts";

const FAST: SamplerTimes = {
  intervalMs: 50,
  slowIntervalMs: 100,
  timeoutMs: 500,
  maxAgeMs: 60_000,
};

/** A sampler that keeps facts as they are. */
const sample = (guests: Guests, times: Partial<SamplerTimes> = {}) =>
  new Sampler<GuestFacts>(guests, (_vm, facts) => facts, { ...FAST, ...times });

const agentOf = (guests: Guests, name: string) => {
  const vm = guests.vms.find((one) => one.name === name);
  assert(vm !== undefined);
  return vm.agent;
};

Deno.test("every guest is asked again and again for everything that it can tell", async () => {
  await using guests = await Guests.start({ a: answerExamples(), b: answerExamples() });
  using sampler = sample(guests);
  for (const name of ["a", "b"]) {
    const factsOf = () => sampler.sampleOf(agentOf(guests, name)).rendered;
    await until(() => factsOf()?.failedUnits !== undefined, `the facts of ${name}`);
    assertEquals(factsOf()?.failedUnits, ["postgresql.service"]);
    assertEquals(factsOf()?.metrics?.load_average[0], 0.5);
    assertEquals(factsOf()?.filesystems?.[0]?.mount_point, "/");
    assert(Number.isFinite(factsOf()?.clock?.offsetMs));
    const asked = (method: string) =>
      guests.agents.get(name)?.requests.filter((one) => one.method === method).length ?? 0;
    await until(() => asked("get_metrics") >= 5 && asked("service_list") >= 2, "more rounds");
  }
});

Deno.test("a guest that never answers delays nobody, and its failures are counted", async () => {
  await using guests = await Guests.start({
    stuck: answerExamples({ get_metrics: undefined }),
    well: answerExamples(),
  });
  using sampler = sample(guests);
  const stuck = () => sampler.sampleOf(agentOf(guests, "stuck"));
  const well = guests.agents.get("well");
  const asked = () => well?.requests.filter(({ method }) => method === "get_metrics").length ?? 0;
  await until(() => asked() >= 3, "three samples of the other");
  assertEquals(stuck(), { rendered: undefined, ageMs: undefined, failures: 0 });
  await until(() => stuck().failures > 0, "a failure");
});

Deno.test("a sample that is too old is not told, but its age is", async () => {
  await using guests = await Guests.start({ a: answerExamples() });
  using sampler = sample(guests, { maxAgeMs: 300 });
  const of = () => sampler.sampleOf(agentOf(guests, "a"));
  await until(() => of().rendered !== undefined, "a sample");
  const agent = guests.agents.get("a");
  assert(agent !== undefined);
  agent.answerer = () => undefined;
  await until(() => of().rendered === undefined, "the sample to be too old");
  assert((of().ageMs ?? 0) >= 300);
});

Deno.test("what a guest refuses is left out, and the rest is told", async () => {
  const answer = answerExamples();
  await using guests = await Guests.start({
    a: (request) =>
      ["get_disk_usage", "service_list"].includes(request.method)
        ? { text: errorLine(request, -32001, "not allowed") }
        : answer(request),
  });
  using sampler = sample(guests);
  const factsOf = () => sampler.sampleOf(agentOf(guests, "a")).rendered;
  await until(() => factsOf()?.clock !== undefined, "a sample");
  assertEquals([factsOf()?.filesystems, factsOf()?.failedUnitCount], [[], undefined]);
  assertEquals(sampler.sampleOf(agentOf(guests, "a")).failures, 0);
});

Deno.test("an agent that lacks a capability is not asked for it", async () => {
  await using guests = await Guests.start({
    old: answerExamples({
      get_agent_info: {
        version: "0.9.0",
        protocol_version: "1.0.0",
        platform: "linux",
        capabilities: ["disk_usage"],
      },
    }),
  });
  using sampler = sample(guests);
  const factsOf = () => sampler.sampleOf(agentOf(guests, "old")).rendered;
  await until(() => factsOf()?.filesystems !== undefined, "a sample");
  const methods = new Set(guests.agents.get("old")?.requests.map(({ method }) => method));
  for (const method of ["get_metrics", "time_get", "service_list"]) {
    assert(!methods.has(method), `${method} was asked`);
  }
});
