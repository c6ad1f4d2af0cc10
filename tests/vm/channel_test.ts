/**
 * The port and its host: hosts that come and go at any moment, a paused guest, an unplugged port, a
 * migration.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { printError } from "../../lib/base/terminal.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { bootGuest } from "./_guest.ts";
import { cpuSeconds, mainPid, SERVICE } from "./_service.ts";

const HOSTS = 100;
/** When a host disconnects. */
const DEPARTURES = [
  "after an answer",
  "in the middle of a line",
  "in the middle of an answer",
  "without reading",
] as const;
const STOPPED_MS = 60_000;
const QUIET_MS = 15_000;
/** Polling for a host costs some of it under emulation; a busy loop would take all of it. */
const MOST_QUIET_CPU = 0.2;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const encode = (text: string) => new TextEncoder().encode(text);

async function assertAnswers(guest: Guest): Promise<void> {
  const client = await guest.client();
  await using _client = client;
  assertEquals((await client.call("ping", undefined, { timeoutMs: 60_000 })).pong, true);
}

const largeRead = (id: number) =>
  JSON.stringify({
    jsonrpc: "2.0",
    id,
    method: "file_read",
    params: { path: "/var/log/large", encoding: "base64", offset: 0, length: 45_000 },
  }) + "\n";

async function visit(guest: Guest, departure: typeof DEPARTURES[number]): Promise<void> {
  if (departure === "after an answer") return await assertAnswers(guest);
  const connection = await Deno.connect({ transport: "unix", path: guest.socket });
  using _connection = connection;
  if (departure === "in the middle of a line") {
    await connection.write(encode('{"jsonrpc":"2.0","id":1,"meth'));
    return;
  }
  for (let id = 1; id <= 5; id++) await connection.write(encode(largeRead(id)));
  if (departure === "without reading") return;
  await connection.read(new Uint8Array(100));
}

Deno.test("hosts come and go", async (t) => {
  const guest = await bootGuest();
  await using _guest = guest;
  await guest.root("head -c 1000000 /dev/urandom > /var/log/large; chmod a+r /var/log/large");
  const pid = await mainPid(guest);

  await t.step(`${HOSTS} hosts that disconnect at any moment`, async () => {
    const before = await cpuSeconds(guest, pid);
    const start = performance.now();
    for (let index = 0; index < HOSTS; index++) {
      await visit(guest, DEPARTURES[index % DEPARTURES.length] ?? "without reading");
      await assertAnswers(guest);
    }
    const seconds = (performance.now() - start) / 1000;
    const cpu = await cpuSeconds(guest, pid) - before;
    printError(`${HOSTS} hosts in ${seconds.toFixed(1)} s, ${cpu.toFixed(2)} s of the agent's CPU`);
    assertEquals(await mainPid(guest), pid, "the same process throughout");
  });

  for (const host of ["is away", "is silent"] as const) {
    await t.step(`the agent does not spin while a host ${host}`, async () => {
      await assertAnswers(guest);
      const client = host === "is silent" ? await guest.client() : undefined;
      const before = await cpuSeconds(guest, pid);
      await pause(QUIET_MS);
      const cpu = (await cpuSeconds(guest, pid) - before) / (QUIET_MS / 1000);
      await client?.close();
      printError(`${(cpu * 100).toFixed(2)} % of a processor while a host ${host}`);
      assert(cpu <= MOST_QUIET_CPU, `${cpu} of a processor`);
    });
  }

  await t.step(
    "a late host receives the announcement that was made before it connected",
    async () => {
      await guest.root(`systemctl restart ${SERVICE}; sleep 20`);
      await guest.ready();
    },
  );

  await t.step("a guest that was paused for a minute answers again", async () => {
    const qmp = await guest.qmp();
    await using _qmp = qmp;
    const client = await guest.client();
    await using _client = client;
    await client.call("ping");
    await qmp.execute("stop");
    const waiting = client.call("ping", undefined, { timeoutMs: 0 });
    await pause(STOPPED_MS);
    await qmp.execute("cont");
    assertEquals((await waiting).pong, true);
    await client.close();
    await assertAnswers(guest);
  });

  await t.step(
    "unplugging the port stops the service, and plugging it in starts it again",
    async () => {
      for (let time = 0; time < 3; time++) {
        await guest.unplug("agent");
        await guest.root(
          `while systemctl -q is-active ${SERVICE}; do sleep .2; done`,
        );
        assertEquals((await guest.tryRoot(`systemctl is-failed ${SERVICE}`)).status, 1);
        await guest.plug("agent");
        await guest.ready();
        await assertAnswers(guest);
      }
    },
  );

  await t.step("a guest that was saved to a file and restored answers", async () => {
    const file = `${guest.machine.directory}/state`;
    const pid = await mainPid(guest);
    await guest.saveTo(file);
    await guest.restoreFrom(file);
    await assertAnswers(guest);
    assertEquals(await mainPid(guest), pid, "the same process");
  });
});
