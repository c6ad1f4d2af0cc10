import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { eventsRead } from "../../../handlers/events/events_read.ts";
import { command, monitored, pipeOf, startMonitored } from "../../agent/_monitor.ts";
import { type Paths, TestAgent } from "../../agent/_agent.ts";
import { assertRefused, type Host, resultOf } from "../../agent/_host.ts";
import { sendCommand } from "../../../lib/platform/linux/monitor_client.ts";
import { defaultConfig } from "../../../lib/config/schema.ts";
import { EventJournal } from "../../../lib/core/event_journal.ts";
import { openState } from "../../../lib/platform/linux/state/state_directory.ts";
import { CollectingLog } from "../../lib/_helpers.ts";
import { until } from "../../_waiting.ts";
import { Served } from "../_served.ts";

/** Enough for 10,000 events. */
const KEEP_KB = 4096;

const Result = z.looseObject({
  events: z.array(z.looseObject({
    seq: z.int(),
    type: z.string(),
    event: z.string(),
    data: z.unknown(),
  })),
  cursor: z.string(),
  gap: z.optional(z.looseObject({ reason: z.string(), lost: z.optional(z.int()) })),
});

const read = async (host: Host, params: Record<string, unknown> = {}) =>
  resultOf(await host.request("events_read", params), Result);

Deno.test("events_read returns what a program sent while no host was connected", async () => {
  await using agent = await startMonitored();
  const sent = await command(agent, "agent.SendEvent", {
    Event: "backup.done",
    Data: { files: 3 },
  });
  assertEquals(sent.Status, 0);
  await using host = await agent.connect();
  const { events } = await read(host, { types: ["program"] });
  assertEquals(events.map(({ event, data }) => [event, data]), [["backup.done", { files: 3 }]]);
  assertEquals(Reflect.get(sent, "Seq"), events[0]?.seq);
});

Deno.test("events_read tells that the agent started and stopped", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const started = await read(host, { types: ["agent"], wait_seconds: 5 });
  const { cursor } = started.events.length > 0 ? started : await read(host, {
    types: ["agent"],
    cursor: started.cursor,
    wait_seconds: 10,
  });
  const id = await host.start("events_read", { cursor, wait_seconds: 60 });
  await host.ping();
  agent.kill("SIGTERM");
  const { events } = resultOf(await host.answerTo(id), Result);
  assertEquals(events.map(({ event }) => event), ["agent.stopping"]);
});

Deno.test("events_read tells that a job started and how it ended", async () => {
  await using served = await Served.start(eventsRead);
  const { cursor } = await read(served.host, { last: 0 });
  await served.host.request("job_start", { job_id: "one", command: "/bin/false" });
  const seen: unknown[] = [];
  for (let at = cursor; seen.length < 2;) {
    const { events, cursor: next } = await read(served.host, {
      cursor: at,
      types: ["job"],
      wait_seconds: 10,
    });
    seen.push(...events.map(({ event, data }) => [event, data]));
    at = next;
  }
  assertEquals(seen, [
    ["job.started", { job_id: "one" }],
    ["job.ended", { job_id: "one", exit_code: 1, ended_by: "itself" }],
  ]);
});

Deno.test("events_read tells which keys of the configuration changed", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const { cursor } = await read(host, { last: 0 });
  const config = JSON.parse(await Deno.readTextFile(agent.paths.configFile));
  await Deno.writeTextFile(
    agent.paths.configFile,
    JSON.stringify({ ...config, max_concurrent_requests: 3 }),
  );
  agent.kill("SIGHUP");
  let at = cursor;
  for (;;) {
    const { events, cursor: next } = await read(host, { cursor: at, wait_seconds: 10 });
    at = next;
    const changed = events.find(({ event }) => event === "agent.configuration_changed");
    if (changed === undefined) continue;
    assertEquals(changed.data, { changed: ["max_concurrent_requests"] });
    break;
  }
});

Deno.test("events_read loses no event while hosts come and go and the agent restarts", async () => {
  const options = {
    config: (paths: Parameters<typeof pipeOf>[0]) => ({
      command_monitor: { enabled: true, pipe_path: pipeOf(paths) },
    }),
  };
  let agent = await TestAgent.start(options);
  const sent: unknown[] = [];
  const received: unknown[] = [];
  let cursor: string | undefined;
  try {
    for (let round = 0; round < 6; round++) {
      await using gone = await agent.connect();
      if (cursor !== undefined) await gone.start("events_read", { cursor, wait_seconds: 60 });
      await gone.ping();
      await gone.close();
      for (let n = 0; n < 15; n++) {
        const Data = [round, n];
        const answer = await sendCommand(pipeOf(agent.paths), {
          Name: "agent.SendEvent",
          Event: "e",
          Data,
        });
        // Over the rate otherwise.
        if (answer.Status === 0) sent.push(Data);
      }
      if (round % 2 === 1) {
        agent.kill("SIGKILL");
        await agent.ended();
        agent = await TestAgent.start({ ...options, paths: agent.paths });
      }
      await using host = await agent.connect();
      for (;;) {
        const next = await read(host, { cursor, types: ["program"], max_events: 7 });
        assertEquals(next.gap, undefined);
        received.push(...next.events.map(({ data }) => data));
        cursor = next.cursor;
        if (next.events.length === 0) break;
      }
    }
    assert(sent.length >= 60);
    assertEquals(received, sent);
  } finally {
    await agent[Symbol.asyncDispose]();
  }
});

/** A journal as an agent has left it, with events whose data counts from 0. */
async function fillJournal({ directory }: Paths, count: number): Promise<void> {
  const config = { ...defaultConfig(), state_directory: `${directory}/state` };
  const state = openState(config, new CollectingLog());
  const journal = new EventJournal({
    folder: state.root.folder("events"),
    keepBytes: KEEP_KB * 1024,
    bootedAt: 0,
    sources: () => config.events.sources,
  });
  for (let n = 0; n < count; n++) {
    await journal.append({ type: "program", event: "counts", data: n });
  }
  await journal.close();
  state.close();
}

Deno.test("events_read returns 10,000 events once, in order, while agents and hosts are killed", async () => {
  const count = 10_000;
  const options = { config: () => ({ events: { keep_kb: KEEP_KB } }) };
  let agent = await TestAgent.start({
    ...options,
    prepare: (paths) => fillJournal(paths, count),
  });
  const seen: unknown[] = [];
  const numbers: number[] = [];
  let cursor: string | undefined;
  try {
    for (let reads = 0; seen.length < count; reads++) {
      if (reads % 10 === 9) {
        agent.kill("SIGKILL");
        await agent.ended();
        agent = await TestAgent.start({ ...options, paths: agent.paths });
      }
      await using host = await agent.connect();
      // Whether its answer arrives or not, the next host reads the same again.
      await host.start("events_read", { cursor, max_events: 1000 });
      if (reads % 2 === 1) continue;
      const { events, cursor: next, gap } = await read(host, { cursor, max_events: 1000 });
      assertEquals(gap, undefined);
      cursor = next;
      numbers.push(...events.map(({ seq }) => seq));
      seen.push(...events.filter(({ type }) => type === "program").map(({ data }) => data));
    }
    assertEquals(seen, Array.from({ length: count }, (_, n) => n));
    assertEquals(numbers, Array.from(numbers, (_, n) => n));
  } finally {
    await agent[Symbol.asyncDispose]();
  }
});

Deno.test("events_read refuses with the right code:", async (t) => {
  await using served = await Served.start(eventsRead);
  const { cursor } = await read(served.host);
  const cases: Readonly<Record<string, readonly [Record<string, unknown>, RegExp]>> = {
    "a cursor of garbage": [{ cursor: "garbage" }, /cursor is not one of events/],
    "a cursor of garbage, waiting": [{ cursor: "x", wait_seconds: 5 }, /cursor is not one/],
    "a cursor from the future": [{ cursor: cursor.replace(/\d+$/, "99") }, /is from the future/],
    "a cursor and last": [{ cursor, last: 1 }, /last is only for a read without cursor/],
    "an unknown type": [{ types: ["nothing"] }, /types/],
    "a negative wait": [{ cursor, wait_seconds: -1 }, /wait_seconds/],
    "a wait of 1e9": [{ cursor, wait_seconds: 1e9 }, /wait_seconds/],
    "a wait of half a second": [{ cursor, wait_seconds: 0.5 }, /wait_seconds/],
    "no events": [{ max_events: 0 }, /max_events/],
  };
  for (const [name, [params, reason]] of Object.entries(cases)) {
    await t.step(name, async () => {
      assertRefused(await served.answer(params), -32602, reason);
    });
  }
});

Deno.test("events_read works without a state directory, until the agent ends", async () => {
  await using served = await Served.start(eventsRead, {
    config: () => ({ state_directory: null }),
  });
  const { cursor } = await read(served.host);
  const { gap } = await read(served.host, {
    cursor: cursor.replace(/\.[0-9a-f]{16}\./, ".0123456789abcdef."),
  });
  assertEquals(gap, { reason: "the events of the cursor's epoch are gone" });
});

Deno.test("events_read survives a journal that is removed, or that strangers have written into", async () => {
  await using served = await Served.start(eventsRead, {
    prepare: async ({ directory }) => {
      await Deno.mkdir(`${directory}/state/events/events`, { recursive: true });
      for (const name of ["0", "stranger", "00000000000000000000"]) {
        await Deno.writeTextFile(`${directory}/state/events/events/${name}`, "not a record\n");
      }
      await Deno.writeTextFile(`${directory}/state/events/epoch`, "not an epoch\n");
    },
  });
  const { cursor } = await read(served.host, { wait_seconds: 1 });
  // In one step: the agent may be writing in it.
  const { directory } = served.agent.paths;
  await Deno.rename(`${directory}/state`, `${directory}/gone`);
  const after = await read(served.host, { cursor });
  assertEquals(after.events.length, 0);
});

Deno.test("events are kept again soon after the journal was removed while the agent runs", async () => {
  const options = { config: (paths: Paths) => ({ ...monitored(paths) }) };
  const first = await TestAgent.start(options);
  const { paths } = first;
  let sent: unknown;
  /** Returns whether it was accepted: there may be too many in this second. */
  const send = async () => {
    const answer = await command(first, "agent.SendEvent", { Event: "e" });
    if (answer.Status === 0) sent = Reflect.get(answer, "Seq");
    return answer.Status === 0;
  };
  await send();
  await Deno.remove(`${paths.directory}/state`, { recursive: true });
  await until(async () => {
    await send();
    return await Deno.stat(`${paths.directory}/state/events`).then(() => true, () => false);
  }, "the journal to be there again");
  await until(send, "another event");
  first.kill("SIGKILL");
  await first.ended();
  await using second = await TestAgent.start({ ...options, paths });
  await using host = await second.connect();
  const { events } = await read(host, { types: ["program"] });
  assertEquals(events.at(-1)?.seq, sent);
});
