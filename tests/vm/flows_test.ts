/**
 * What flows from a guest: jobs, terminals, logs and events, through everything that may happen to
 * the host, the agent and the machine meanwhile. One guest serves all steps, in this order.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import * as z from "zod";
import { AgentClient } from "../../host/client.ts";
import { AnswerError } from "../../host/errors.ts";
import { followLog } from "../../host/follow.ts";
import { RemoteJob } from "../../host/jobs/job.ts";
import { AgentLink } from "../../host/jobs/link.ts";
import type { ResultOf } from "../../host/protocol.ts";
import { printError } from "../../lib/base/terminal.ts";
import { slowdown } from "../../scripts/vm/patience.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { PERMISSION_DENIED } from "../_error_codes.ts";
import { until } from "../_waiting.ts";
import { BreakableSocket } from "../host/_breakable_socket.ts";
import { ctl, ctlWords, RunningCtl } from "../host/ctl/_ctl.ts";
import { Terminal } from "../host/ctl/_terminal.ts";
import { bootGuest } from "./_guest.ts";
import { configure, mainPid, SERVICE } from "./_service.ts";

const PATIENCE_MS = 120_000;
/** How long the machine is stopped: its hardware clock must tell. */
const STOPPED_MS = 5000;
/** An agent of this age has looked at the guest: it does 15 s after its start for the first time. */
const LOOKED_SECONDS = 25;
const LINES = 1_000_000;
const LINE_BYTES = 10;
const ROTATIONS = 10;
const LINES_PER_ROTATION = 50;
const KEYS = 10_000;
const ROUND_TRIPS = 100;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const shell = (code: string) => ({ command: "sh", args: ["-c", code] });
const padded = (number: number) => String(number).padStart(LINE_BYTES - 1, "0");

/** A counter of ten megabytes, over at least ten seconds. */
const COUNTER = shell(
  `i=0; while [ $i -lt 100 ]; do seq -f %0${LINE_BYTES - 1}g $((i*${LINES / 100})) ` +
    `$((i*${LINES / 100}+${LINES / 100 - 1})); i=$((i+1)); sleep 0.1; done`,
);

/** A host that comes back whenever it has lost the guest. */
class Host implements AsyncDisposable {
  readonly #socket: BreakableSocket;
  readonly link: AgentLink;
  losses = 0;

  private constructor(socket: BreakableSocket, client: AgentClient) {
    this.#socket = socket;
    this.link = new AgentLink(client, {
      connect: () => AgentClient.connect(socket.path),
      patienceMs: PATIENCE_MS,
      onLost: () => this.losses += 1,
    });
  }

  static async connect(guest: Guest): Promise<Host> {
    const path = `${guest.machine.directory}/${crypto.randomUUID().slice(0, 8)}.sock`;
    const socket = new BreakableSocket(path, guest.socket);
    return new Host(socket, await AgentClient.connect(path));
  }

  /** Breaks the connection in the middle of whatever is on its way. */
  drop(): void {
    this.#socket.break();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link[Symbol.asyncDispose]();
    await this.#socket[Symbol.asyncDispose]();
  }
}

/** Fails unless the text is the counter from 0 on, complete to its last byte. */
function assertCounts(text: string): void {
  for (let at = 0; at < text.length; at += LINE_BYTES) {
    const line = `${padded(at / LINE_BYTES)}\n`.slice(0, text.length - at);
    if (!text.startsWith(line, at)) assertEquals(text.slice(at, at + LINE_BYTES), line, `at ${at}`);
  }
}

/** How long the agent has been running, by the guest's clock. */
const ageSeconds = async (guest: Guest) =>
  Number(await guest.root(`ps -o etimes= -p ${await mainPid(guest)}`));

/** Everything that the journal of events has from a cursor on. */
async function eventsFrom(guest: Guest, cursor?: string) {
  const client = await guest.client();
  await using _client = client;
  const events: ResultOf<"events_read">["events"][number][] = [];
  for (let next = cursor;;) {
    const read: ResultOf<"events_read"> = await client.call("events_read", { cursor: next });
    assertEquals(read.gap, undefined);
    events.push(...read.events);
    if (read.events.length === 0) return { events, cursor: read.cursor };
    next = read.cursor;
  }
}

const sendEvent = (name: string, data: string) =>
  `kvmmanager-agent command agent.SendEvent '{"Event":"${name}","Data":${data}}'`;

/** What a person types into `kvmmanager-ctl shell`, and sees. */
const openTerminal = (guest: Guest, ...words: readonly string[]) =>
  new Terminal(ctlWords(["shell", "--socket", guest.socket, ...words]), {
    deadlineMs: PATIENCE_MS * slowdown(),
  });

Deno.test("what flows from a guest", async (t) => {
  const guest = await bootGuest();
  await using _guest = guest;

  await t.step("reading the journal names the group that the agent's user needs", async () => {
    const client = await guest.client();
    await using _client = client;
    for (const source of [{ unit: SERVICE }, { kernel: true } as const]) {
      const refused = await assertRejects(() => client.call("log_read", source), AnswerError);
      assertEquals(refused.code, PERMISSION_DENIED);
      assertMatch(refused.reason, /add it to the group systemd-journal/);
    }
  });

  await guest.root("usermod -aG systemd-journal kvmmanager-agent");
  await configure(guest, { command_monitor: { enabled: true } });

  await t.step("an event that is sent while nobody listens is there later", async () => {
    const sent = await guest.root(
      `${sendEvent("backup.started", "1")} && ${sendEvent("backup.done", '{"files":3}')}`,
    );
    assertEquals(sent.match(/"Seq": \d+/g)?.length, 2, sent);
    const { events } = await eventsFrom(guest);
    const programs = events.filter(({ type }) => type === "program");
    assertEquals(programs.map(({ event, data }) => [event, data]), [
      ["backup.started", 1],
      ["backup.done", { files: 3 }],
    ]);
    // It is seen within a minute, which the next steps take.
    await guest.tryRoot("systemd-run --quiet --wait --unit=flows-fails false");
  });

  await t.step(
    "ten megabytes of a job arrive once and in order: host killed, machine stopped, migrated",
    async () => {
      // An agent that has not looked before the machine is stopped cannot tell that it was.
      await until(
        async () => await ageSeconds(guest) >= LOOKED_SECONDS,
        "the agent's first look at the guest",
        PATIENCE_MS * slowdown(),
      );
      const target = ["--socket", guest.socket];
      const words = ["--id", "count", "--", COUNTER.command, ...COUNTER.args];
      assertEquals((await ctl(["job", "start", ...target, ...words])).code, 0);
      {
        await using killed = new RunningCtl(["job", "logs", "-f", ...target, "count"]);
        await until(() => killed.stdout.length > 0, "the first output", PATIENCE_MS);
        killed.kill("SIGKILL");
        await killed.ended();
        assertCounts(killed.stdout);
      }
      await using host = await Host.connect(guest);
      const happenings: (() => Promise<void>)[] = [
        () => Promise.resolve(host.drop()),
        async () => {
          const qmp = await guest.qmp();
          await using _qmp = qmp;
          await qmp.execute("stop");
          await pause(STOPPED_MS);
          await qmp.execute("cont");
        },
        async () => {
          const file = `${guest.machine.directory}/state`;
          await guest.saveTo(file);
          await guest.restoreFrom(file);
          await Deno.remove(file);
        },
      ];
      let [text, gaps, next] = ["", 0, 1_000_000];
      let happening = Promise.resolve();
      const start = performance.now();
      for await (const part of new RemoteJob(host.link, "count").output()) {
        if (part.kind === "data") text += new TextDecoder().decode(part.bytes);
        if (part.kind === "gap") gaps += part.bytes;
        if (part.kind === "end") assertEquals([part.end.state, part.end.exit_code], ["ended", 0]);
        if (text.length < next) continue;
        next += 2_000_000;
        const happens = happenings.shift();
        // Meanwhile reading goes on.
        if (happens !== undefined) happening = happening.then(happens);
      }
      await happening;
      printError(`10 MB of a job took ${((performance.now() - start) / 1000).toFixed(1)} s`);
      assertEquals([happenings.length, gaps, text.length], [0, 0, LINES * LINE_BYTES]);
      assertCounts(text);
      // The host's own end, and that of QEMU's first process.
      assert(host.losses >= 2, `${host.losses} lost connections`);
    },
  );

  await t.step("a job of an agent that is killed is lost, with its output", async () => {
    await until(
      async () => (await eventsFrom(guest)).events.some(({ event }) => event === "guest.resumed"),
      "the pause to be noticed",
      PATIENCE_MS * slowdown(),
    );
    await using host = await Host.connect(guest);
    const endless = shell(COUNTER.args[1]?.replace("-lt 100", "-ge 0") ?? "");
    const job = await RemoteJob.start(host.link, { job_id: "lost", ...endless });
    let text = "";
    let pid: number | undefined;
    for await (const part of job.output()) {
      assert(part.kind !== "gap");
      if (part.kind === "end") assertEquals(part.end.state, "lost");
      else text += new TextDecoder().decode(part.bytes);
      if (text.length < 500_000 || pid !== undefined) continue;
      pid = await mainPid(guest);
      await guest.root(`kill -9 ${pid}`);
    }
    assertCounts(text);
    await job.forget();
  });

  await t.step("a job ends with all that it has started, in sessions of its own too", async () => {
    const client = await guest.client();
    await using _client = client;
    const job_id = "tree";
    const daemons = `for n in 1 2 3; do
      setsid sh -c 'trap "" HUP; (setsid sleep 300 &); sleep 300' &
    done;`;
    const groups = `ls -d /sys/fs/cgroup/system.slice/${SERVICE}/commands/*/ 2>/dev/null`;
    for (
      const [signal, start] of [
        ["SIGTERM", shell(`${daemons} echo ready; exec sleep 300`)],
        ["SIGKILL", {
          ...shell(`${daemons} echo ready; exec sleep 300`),
          tty: { rows: 9, cols: 9 },
        }],
        ["timeout", { ...shell(`${daemons} echo ready; exec sleep 300`), timeout_seconds: 15 }],
      ] as const
    ) {
      await client.call("job_start", { job_id, ...start });
      await client.call("job_read", { job_id, wait_seconds: 60 });
      const sleeping = () => guest.tryRoot("pgrep -c -x sleep");
      await until(async () => Number((await sleeping()).stdout) === 7, "seven processes", 60_000);
      if (signal !== "timeout") await client.call("job_signal", { job_id, signal });
      const { state } = await client.call("job_status", { job_id, wait_seconds: 60 });
      assertEquals(state, "ended");
      await until(async () => (await sleeping()).status === 1, `the end after ${signal}`, 60_000);
      await until(async () => (await guest.tryRoot(groups)).stdout === "", "no group", 60_000);
      await client.call("job_forget", { job_id });
    }
  });

  await t.step("a log that rotates ten times is read once, line by line", async () => {
    const log = "/var/log/flows/app.log";
    await guest.root(`install -d -m 755 /var/log/flows; echo "line 0" > ${log}`);
    const writing = guest.root(
      `n=0
       for rotation in $(seq ${ROTATIONS}); do
         for _ in $(seq ${LINES_PER_ROTATION}); do n=$((n+1)); echo "line $n" >> ${log}; done
         sleep 0.5
         i=${ROTATIONS}; while [ $i -ge 1 ]; do
           for end in "" .gz; do [ ! -e ${log}.$i$end ] || mv ${log}.$i$end ${log}.$((i+1))$end; done
           i=$((i-1))
         done
         mv ${log} ${log}.1; : > ${log}
         [ ! -e ${log}.2 ] || gzip ${log}.2
       done
       echo last >> ${log}; ls /var/log/flows | wc -l`,
      PATIENCE_MS,
    );
    const stop = new AbortController();
    const lines: string[] = [];
    const reading = followLog({ path: log, lines: 1000 }, {
      connect: () => guest.client(),
      signal: stop.signal,
    });
    for await (const read of reading) {
      assertEquals(read.gap, undefined);
      lines.push(...read.lines ?? []);
      if (read.lines?.at(-1) === "last") stop.abort();
    }
    assertEquals(Number(await writing), ROTATIONS + 1);
    const expected = Array.from(
      { length: ROTATIONS * LINES_PER_ROTATION + 1 },
      (_, n) => `line ${n}`,
    );
    // Lines before the first read are not followed, but are the end of the log.
    assertEquals(lines.slice(0, -1), expected.slice(-(lines.length - 1)));
    assert(lines.length > (ROTATIONS - 2) * LINES_PER_ROTATION, `${lines.length} lines`);
  });

  await t.step("a unit and the kernel are read from the journal by cursors", async () => {
    const sources = [{ unit: "flows-prints.service" }, { kernel: true } as const];
    await guest.root(
      `sysctl -q kernel.printk_devkmsg=on
       systemd-run --quiet --wait --unit=flows-prints sh -c 'for n in $(seq 150); do echo entry $n; done'
       for n in $(seq 150); do echo "flows: entry $n" > /dev/kmsg; done
       journalctl --sync`,
    );
    for (const source of sources) {
      const messages: string[] = [];
      let cursor: string | undefined;
      for (let reads = 0;; reads++) {
        const client = await guest.client();
        await using _client = client;
        const from = cursor === undefined ? { since: 0 } : { cursor };
        const { entries = [], gap, ...read } = await client.call("log_read", {
          ...source,
          ...from,
          lines: 70,
        });
        assertEquals(gap, undefined);
        messages.push(...entries.map(({ message }) => message));
        cursor = read.cursor;
        if (entries.length === 0) break;
        // A cursor outlives the agent that gave it.
        if (reads === 0) {
          await client.close();
          await guest.root(`systemctl restart ${SERVICE}`);
          await guest.ready();
        }
      }
      assertEquals(
        messages.flatMap((message) => /entry (\d+)$/.exec(message)?.[1] ?? []).map(Number),
        Array.from({ length: 150 }, (_, n) => n + 1),
      );
    }
  });

  await t.step("ctl shell: Ctrl-C, ten thousand keys, a megabyte, an exit status", async () => {
    await using terminal = openTerminal(guest, "-e", "PS1=> ", "--", "sh");
    await terminal.shows("> ");
    await terminal.press("stty size; sleep 300\r");
    await terminal.shows(/30 100\r+\n/);
    await terminal.press("\x03");
    await terminal.shows("^C");
    await terminal.press("stty raw -echo; echo ready; head -c 10000 | md5sum; stty sane\r");
    await terminal.shows(/ready[\n\v]/);
    const keys = Array.from({ length: KEYS }, (_, index) => String(index % 10)).join("");
    await terminal.press(keys);
    const sum = await guest.root(`printf %s ${keys} | md5sum`);
    await terminal.shows(sum.slice(0, 32));
    await terminal.press("seq -f %07g 0 131071; echo status $?, ümläut\r");
    await terminal.shows("status 0, ümläut");
    const numbers = terminal.text.match(/^\d{7}(?=\r)/gm) ?? [];
    assertEquals(numbers.map(Number), Array.from({ length: 131_072 }, (_, index) => index));
    await terminal.press("exit 7\r");
    assertEquals(await terminal.ended(), 7);
  });

  await t.step("ctl shell: vi writes a file", async () => {
    const path = "/tmp/kvmmanager/written.txt";
    await using terminal = openTerminal(guest, "--", "vi", "-u", "NONE", "-n", path);
    await terminal.shows("written.txt");
    await terminal.press("ihello from vi");
    await terminal.shows("hello from vi");
    await terminal.press("\x1b:wq\r");
    assertEquals(await terminal.ended(), 0);
    assertEquals(await guest.root(`cat ${path}`), "hello from vi\n");
  });

  await t.step("ctl shell: top draws again after a resize", async () => {
    await using terminal = openTerminal(guest, "--", "top", "-d", "300");
    await terminal.shows("PID");
    terminal.clear();
    await terminal.resize(12, 60);
    await terminal.shows("PID");
    await terminal.press("q");
    assertEquals(await terminal.ended(), 0);
  });

  await t.step("a key is echoed soon", async () => {
    const client = await guest.client();
    await using _client = client;
    const job_id = "keys";
    const echo = shell("stty raw -echo; echo ready; exec cat");
    await client.call("job_start", { job_id, ...echo, tty: { rows: 24, cols: 80 } });
    let cursor: string | undefined;
    /** Reads until as much has arrived. */
    const read = async (bytes: number) => {
      for (let left = bytes; left > 0;) {
        const answer = await client.call("job_read", { job_id, cursor, wait_seconds: 60 });
        for (const { data } of answer.output) left -= data.length;
        cursor = answer.cursor;
      }
    };
    await read("ready\n".length);
    const times: number[] = [];
    for (let key = 0; key < ROUND_TRIPS; key++) {
      const start = performance.now();
      const writing = client.call("job_write", { job_id, data: "x" });
      await read(1);
      times.push(performance.now() - start);
      await writing;
    }
    await client.call("job_signal", { job_id, signal: "SIGKILL" });
    times.sort((one, other) => one - other);
    const at = (share: number) => times[Math.floor(share * ROUND_TRIPS)]?.toFixed(1);
    printError(`round trip of a key: median ${at(0.5)} ms, 99 % within ${at(0.99)} ms`);
  });

  await t.step("the events tell what happened to the machine, without a gap", async () => {
    await guest.root("date -s '+1 hour'");
    const seen = new Set<string>();
    let cursor: string | undefined;
    const all: ResultOf<"events_read">["events"][number][] = [];
    const expected = ["job.ended", "job.lost", "unit.failed", "guest.resumed", "clock.jumped"];
    await until(
      async () => {
        const read = await eventsFrom(guest, cursor);
        ({ cursor } = read);
        all.push(...read.events);
        for (const { event } of read.events) seen.add(event);
        return expected.every((event) => seen.has(event));
      },
      () => `${expected} in ${[...seen]}`,
      PATIENCE_MS * slowdown(),
    );
    assertEquals(all.map(({ seq }) => seq), all.map((_, index) => index));
    // An agent that starts later tells of it again, with `at_start`.
    const [failed] = all.filter(({ event }) => event === "unit.failed");
    assertMatch(JSON.stringify(failed?.data), /"unit":"flows-fails\.service"/);
    const jumped = all.find(({ event }) => event === "clock.jumped");
    assertMatch(JSON.stringify(jumped?.data), /"seconds":3(59\d|60\d)/);
    // Stopped and continued, and saved and restored: one event, if both were between two looks.
    const away = all.filter(({ event }) => event === "guest.resumed")
      .map(({ data }) => z.parse(z.object({ away_seconds: z.number() }), data).away_seconds);
    const total = away.reduce((sum, seconds) => sum + seconds, 0);
    // The hardware clock counts whole seconds.
    assert(total >= STOPPED_MS / 1000 - 1, `away for ${away} s`);
  });
});
