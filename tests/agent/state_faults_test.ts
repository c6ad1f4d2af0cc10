/**
 * Jobs whose state is in trouble: a thousand of them, a disk that is full or read-only, a directory
 * that is removed while the agent runs, or that strangers have put things into.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { eventsRead } from "../../handlers/events/events_read.ts";
import { jobList } from "../../handlers/jobs/job_list.ts";
import { childrenOf, countDescriptors } from "../../scripts/bench/proc.ts";
import { until } from "../_waiting.ts";
import { makePaths, type Paths, TestAgent } from "./_agent.ts";
import type { Host } from "./_host.ts";
import { readAll, readJob, script, startJob, statusOf } from "./_jobs.ts";
import { SharedDisk, tinyDisk } from "./_tiny_disk.ts";

const KEPT = 10;
/** Fewer than are kept, or one would be forgotten before its end is read. */
const AT_ONCE = 5;
const stateOf = ({ directory }: Paths) => `${directory}/state`;

/** Runs a job to its end; returns how much of its output is kept, and how much is lost. */
async function outputOf(host: Host, job_id: string, code: string) {
  await startJob(host, script(job_id, code));
  const { text, lost, end } = await readAll(host, { job_id, encoding: "base64" });
  return { text: text.stdout, lost, end };
}

async function filesIn(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) found.push(...await filesIn(path));
    found.push(path);
  }
  return found;
}

Deno.test("a thousand jobs in a row leave nothing but those that are kept", async () => {
  await using agent = await TestAgent.start({
    // Watching the guest starts a process that stays.
    config: () => ({ jobs: { max_kept: KEPT }, events: { sources: ["agent", "job"] } }),
  });
  await using host = await agent.connect();
  let count = 0;
  const run = async () => {
    const job_id = `n${count++}`;
    await startJob(host, script(job_id, "echo out; echo err >&2"));
    assertEquals((await statusOf(host, job_id, 10)).exit_code, 0);
  };
  const held = async () => ({
    descriptors: await countDescriptors(agent.pid),
    children: (await childrenOf(agent.pid)).length,
    files: (await filesIn(`${stateOf(agent.paths)}/jobs`)).length,
  });
  while (count < 2 * AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, run));
  const before = await held();
  while (count < 1000) await Promise.all(Array.from({ length: AT_ONCE }, run));
  let after = before;
  await until(
    async () => {
      after = await held();
      return after.descriptors <= before.descriptors && after.children <= before.children &&
        after.files <= before.files;
    },
    () => `${JSON.stringify(after)} to be no more than ${JSON.stringify(before)}`,
  );
  const { jobs } = await host.call("job_list", {}, jobList.result);
  assertEquals([count, jobs.length], [1000, KEPT]);
});

Deno.test("on a full disk jobs run on, readers are told what is lost, and new output is kept once there is room", async () => {
  const wrapper = await tinyDisk({ on: stateOf, options: "size=512k,mode=700" });
  // Only where something can be mounted.
  if (wrapper === undefined) return;
  await using agent = await TestAgent.start({
    wrapper,
    prepare: (paths) => Deno.mkdir(stateOf(paths)),
  });
  await using host = await agent.connect();
  const much = await outputOf(host, "much", "seq -f %07g 0 99999; exit 3");
  assertEquals([much.end.state, much.end.exit_code], ["ended", 3]);
  assert(much.text.length > 200_000 && much.lost > 0, `${much.text.length} kept`);
  assertEquals(much.text.length + much.lost, 800_000);
  await agent.logged(({ message }) => message.startsWith("output of a job cannot be kept"), "it");
  const none = await outputOf(host, "none", "echo text");
  assertEquals([none.end.state, none.text.length + none.lost], ["ended", 5]);
  const events = z.looseObject({ events: z.array(z.unknown()) });
  await host.call("events_read", {}, events);
  await host.call("job_forget", { job_id: "much" }, z.unknown());
  assertEquals((await outputOf(host, "again", "echo text")).text, "text\n");
});

Deno.test("on a read-only disk jobs are kept in memory, and the log says why", async () => {
  const wrapper = await tinyDisk({ on: stateOf, options: "size=64k,mode=700,ro" });
  if (wrapper === undefined) return;
  await using agent = await TestAgent.start({
    wrapper,
    prepare: (paths) => Deno.mkdir(stateOf(paths)),
  });
  const { error } = await agent.logged(
    ({ message }) => message.startsWith("the state directory cannot be used"),
    "it",
  );
  assertMatch(String(error), /Read-only file system/);
  await using host = await agent.connect();
  assertEquals((await outputOf(host, "one", "echo text")).text, "text\n");
});

/** An agent whose state is on a tiny disk, or `undefined` if nothing can be mounted. */
async function onSharedDisk(options: string) {
  const paths = await makePaths();
  await Deno.mkdir(stateOf(paths));
  const disk = await SharedDisk.mount(stateOf(paths), options);
  if (disk !== undefined) return { disk, paths };
  await Deno.remove(paths.directory, { recursive: true });
  return undefined;
}

Deno.test("a disk that becomes read-only while the agent runs costs output, which is told, and no job", async () => {
  const made = await onSharedDisk("size=4m,mode=700");
  if (made === undefined) return;
  const { disk, paths } = made;
  await using _disk = disk;
  await using agent = await TestAgent.start({ paths, wrapper: disk.wrapper });
  await using host = await agent.connect();
  const code = "seq 1000; read line; seq 1001 2000; exit 4";
  await startJob(host, script("before", code, { keep_input_open: true }));
  const before = await readAll(host, { job_id: "before" }, (text) => text.endsWith("\n1000\n"));
  await disk.makeReadOnly();
  await host.call("job_write", { job_id: "before", data: "\n", end: true }, z.unknown());
  const after = await readAll(host, { job_id: "before", cursor: before.cursor });
  assertEquals([after.end.exit_code, after.lost + after.text.stdout.length], [4, 5000]);
  const meanwhile = await outputOf(host, "meanwhile", "echo text; exit 5");
  assertEquals([meanwhile.end.exit_code, meanwhile.text.length + meanwhile.lost], [5, 5]);
  for (const problem of ["a job cannot be recorded", "output of a job cannot be kept"]) {
    await agent.logged(({ message }) => message.startsWith(problem), problem);
  }
  await host.call("events_read", {}, eventsRead.result);
  await disk.makeWritable();
  await host.call("job_forget", { job_id: "before" }, z.unknown());
  assertEquals((await outputOf(host, "later", "echo text")).text, "text\n");
});

Deno.test("an agent that restarts on a full disk gives no number and no cursor a second meaning", async () => {
  const made = await onSharedDisk("size=160k,mode=700");
  if (made === undefined) return;
  const { disk, paths } = made;
  await using _disk = disk;
  const options = { paths, wrapper: disk.wrapper };
  const first = await TestAgent.start(options);
  const host = await first.connect();
  const code = "echo 1; read line; seq 2 10000; echo end; exec sleep 300";
  await startJob(host, script("runs", code, { keep_input_open: true }));
  const filled = await outputOf(host, "fills", "seq -f %07g 0 99999");
  assert(filled.lost > 0);
  await host.call("job_write", { job_id: "runs", data: "\n" }, z.unknown());
  let running = await readJob(host, { job_id: "runs" });
  for (const whole = 48_894 + "end\n".length; running.offset < whole;) {
    running = await readJob(host, { job_id: "runs", cursor: running.cursor, wait_seconds: 1 });
  }
  // Neither their output nor the events that tell of them find room.
  const count = 25;
  let cursor: string | undefined;
  let lost = 0;
  const read = async (from: Host) => {
    const answer = await from.call("events_read", { cursor, max_events: 1000 }, eventsRead.result);
    ({ cursor } = answer);
    lost += answer.gap?.lost ?? 0;
    return answer;
  };
  for (let n = 0; n < count; n++) await outputOf(host, `n${n}`, "echo text");
  while ((await read(host)).events.length > 0);
  assert(lost > 0, "all events found room");
  first.kill("SIGKILL");
  await first.ended();
  await host.close();
  await using second = await TestAgent.start(options);
  await using other = await second.connect();
  const ended = await readJob(other, { job_id: "runs", cursor: running.cursor });
  assertEquals([ended.state, ended.eof, ended.lost_bytes], ["lost", true, 0]);
  await other.call("job_forget", { job_id: "fills" }, z.unknown());
  await outputOf(other, "next", "echo text");
  const again = await read(other);
  assertEquals(again.gap, { reason: "the events of the cursor's epoch are gone" });
  let seq = again.events.at(-1)?.seq ?? 0;
  let last = again.events;
  for (;;) {
    const { events, gap } = await read(other);
    if (events.length === 0) break;
    assertEquals(events[0]?.seq, seq + 1 + (gap?.lost ?? 0));
    seq = events.at(-1)?.seq ?? 0;
    last = events;
  }
  assertEquals(last.slice(-2).map(({ event }) => event), ["job.started", "job.ended"]);
});

Deno.test("jobs survive that the state directory is removed while they run", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const start = script("counts", "seq 1000; read line; seq 1001 2000", { keep_input_open: true });
  await startJob(host, start);
  const before = await readAll(host, { job_id: "counts" }, (text) => text.endsWith("\n1000\n"));
  await Deno.remove(stateOf(agent.paths), { recursive: true });
  await host.call("job_write", { job_id: "counts", data: "\n", end: true }, z.unknown());
  const { lost, text, end } = await readAll(host, { job_id: "counts", cursor: before.cursor });
  assertEquals([end.state, end.exit_code, lost + text.stdout.length], ["ended", 0, 5000]);
  // What was on the disk is gone, and is told.
  const all = await readAll(host, { job_id: "counts" });
  assertEquals(all.lost + all.text.stdout.length, before.text.stdout.length + 5000);
  assertEquals((await outputOf(host, "next", "echo text")).text, "text\n");
});

Deno.test("strangers' things in the state directory are no jobs, and do no harm", async () => {
  await using agent = await TestAgent.start({
    prepare: async (paths) => {
      const jobs = `${stateOf(paths)}/jobs`;
      await Deno.mkdir(`${jobs}/garbage`, { recursive: true });
      await Deno.writeTextFile(`${jobs}/garbage/job.json`, "{}");
      await Deno.writeTextFile(`${jobs}/file`, "text");
      await Deno.symlink("/etc", `${jobs}/link`);
      await Deno.mkdir(`${jobs}/fifo`);
      await new Deno.Command("mkfifo", { args: [`${jobs}/fifo/job.json`] }).output();
      await Deno.mkdir(`${jobs}/new`);
      await new Deno.Command("mkfifo", { args: [`${jobs}/new/output.0000000000000000`] }).output();
      await Deno.mkdir(`${jobs}/.hidden`);
    },
  });
  await using host = await agent.connect();
  assertEquals(await host.call("job_list", {}, jobList.result), { jobs: [] });
  for (const job_id of ["garbage", "file", "link", "fifo", "new"]) {
    const { text, end } = await outputOf(host, job_id, "echo text");
    assertEquals([text, end.exit_code], ["text\n", 0], job_id);
  }
  assert((await Deno.stat("/etc/passwd")).isFile);
});
