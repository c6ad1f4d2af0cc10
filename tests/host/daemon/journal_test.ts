import { assert, assertEquals, assertRejects } from "@std/assert";
import { RpcError } from "../../../lib/base/errors.ts";
import { Journal } from "../../../host/daemon/journal.ts";
import { until } from "../../_waiting.ts";
import { TestHostd } from "./_hostd.ts";

const NEVER = new AbortController().signal;
const NOW = { waitSeconds: 0, maxEvents: 1000 } as const;

Deno.test("Journal tells what happened to each VM, and goes on from a cursor", async () => {
  await using hostd = await TestHostd.start("vm1", "vm2");
  const { journal } = hostd.host;
  const { events, cursor } = await journal.read(NOW, NEVER);
  assertEquals(events.map(({ name, event }) => `${name} ${event}`).sort(), [
    "vm1 connected",
    "vm1 ready",
    "vm2 connected",
    "vm2 ready",
  ]);
  assertEquals(events.map(({ seq }) => seq), [0, 1, 2, 3]);
  const waiting = journal.read({ cursor, waitSeconds: 60, maxEvents: 10, vm: "vm2" }, NEVER);
  hostd.agent("vm1").hangUp();
  hostd.agent("vm2").hangUp();
  const [event] = (await waiting).events;
  assertEquals([event?.name, event?.event], ["vm2", "unavailable"]);
  assert(event?.reason !== undefined);
});

Deno.test("Journal returns pages, and the cursor after the last event of each", async () => {
  await using hostd = await TestHostd.start("vm1", "vm2");
  const { journal } = hostd.host;
  const seqs: number[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 3; page++) {
    const read = await journal.read({ cursor, waitSeconds: 0, maxEvents: 2 }, NEVER);
    ({ cursor } = read);
    seqs.push(...read.events.map(({ seq }) => seq));
  }
  assertEquals(seqs, [0, 1, 2, 3]);
});

Deno.test("Journal keeps a guest's flood small, says so, and loses nothing of the others", async () => {
  await using hostd = await TestHostd.start("flood", "calm");
  const note = (n: number) =>
    `${JSON.stringify({ jsonrpc: "2.0", method: "event", params: { n } })}\n`;
  await hostd.agent("flood").send(Array.from({ length: 500 }, (_, n) => note(n)).join(""));
  await hostd.agent("calm").send(note(7));
  const { journal } = hostd.host;
  await until(async () => {
    const { events } = await journal.read({ ...NOW, vm: "calm" }, NEVER);
    return events.some(({ event }) => event === "notification");
  }, "the calm guest's event");
  // The flood's allowance grows again.
  await until(async () => {
    await hostd.agent("flood").send(note(-1));
    const { events } = await journal.read({ ...NOW, vm: "flood" }, NEVER);
    const dropped = events.find(({ event }) => event === "dropped");
    return dropped?.count !== undefined && dropped.count > 100;
  }, "word of what was dropped");
  const { events } = await journal.read({ ...NOW, vm: "flood" }, NEVER);
  assert(events.filter(({ event }) => event === "notification").length < 300);
});

Deno.test("Journal says how much is missing before the oldest event it keeps", async () => {
  await using hostd = await TestHostd.start("vm1");
  const [vm] = hostd.host.vms;
  assert(vm !== undefined);
  const journal = new Journal();
  const { cursor } = journal;
  for (let count = 0; count < 12_000; count++) {
    journal.add(vm, { kind: "unavailable", agent: vm.agent, reason: "x" });
  }
  const { events, gap } = await journal.read({ cursor, waitSeconds: 60, maxEvents: 1 }, NEVER);
  assertEquals(gap?.lost, events[0]?.seq);
  assert((gap?.lost ?? 0) >= 2000);
  const other = await new Journal().read({ cursor, ...NOW }, NEVER);
  assertEquals(other.gap, { reason: "the daemon was restarted" });
});

Deno.test("Journal refuses cursors that are not its own, and ends with the signal", async () => {
  const journal = new Journal();
  for (const cursor of ["", "h1", `${journal.cursor}x`, journal.cursor.replace(/0$/, "9")]) {
    await assertRejects(() => journal.read({ cursor, ...NOW }, NEVER), RpcError);
  }
  const controller = new AbortController();
  const waiting = journal.read({ waitSeconds: 60, maxEvents: 1 }, controller.signal);
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
});
