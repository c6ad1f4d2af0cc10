/**
 * What happens to the VMs, kept by the fleet's servers.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes, fail } from "@std/assert";
import * as z from "zod";
import { until } from "../_waiting.ts";
import { ctl, RunningCtl } from "../host/ctl/_ctl.ts";
import { Member, uuid } from "./_member.ts";
import { CLUSTER_MS, NatsServer } from "./_nats.ts";

const WEB1 = { name: "web1", uuid: uuid(1), labels: { tenant: "acme" } };
const WEB2 = { name: "web2", uuid: uuid(2), labels: { tenant: "other" } };

const Line = z.looseObject({
  event: z.string(),
  host: z.string(),
  tenant: z.string(),
  name: z.string(),
  cursor: z.string(),
  seq: z.number(),
});

const linesOf = (text: string) =>
  text.split("\n").filter((line) => line !== "").map((line) => z.parse(Line, JSON.parse(line)));

/** Options of `ctl` for an operator. */
const as = (nats: NatsServer, user: "OPERATOR" | "ACME" | "AUDITOR" = "OPERATOR") => [
  ...["--fleet", nats.url, "--creds", nats.credentials(user)],
];

/** An agent says something that is an event. */
const mark = (member: Member, number: number) =>
  member.agent("web1").send(`{"jsonrpc":"2.0","method":"mark","params":{"number":${number}}}\n`);

/** A running `ctl events`. */
class Reader {
  readonly #ctl: RunningCtl;

  private constructor(nats: NatsServer) {
    this.#ctl = new RunningCtl(["events", ...as(nats)]);
  }

  /** Starts one; resolves once it reads. */
  static async follow(nats: NatsServer, member: Member): Promise<Reader> {
    const reader = new Reader(nats);
    // Begins with what happens: until then, marks may be missed.
    await until(async () => {
      await mark(member, 0);
      return reader.#ctl.stdout.includes('"mark"');
    }, "the reader");
    return reader;
  }

  /** Resolves once it has told the mark; none was told twice. */
  async told(number: number): Promise<void> {
    const isTold = () => this.#ctl.stdout.includes(`"number":${number}`);
    await until(isTold, () => `mark ${number}:\n${this.#ctl.stdout}`, CLUSTER_MS);
    const told = linesOf(this.#ctl.stdout).map(({ cursor }) => cursor);
    assertEquals(new Set(told).size, told.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ctl[Symbol.asyncDispose]();
  }
}

/** Each event of a host is there once, in order. */
function assertInOrder(kept: ReturnType<typeof linesOf>): void {
  const seqs = kept.filter(({ host }) => host === "kvm1").map(({ seq }) => seq);
  assertEquals(seqs, seqs.map((_, index) => index));
}

Deno.test("the fleet's servers keep the events of all VMs", async (t) => {
  await using nats = await NatsServer.start({ keepsEvents: true });
  const read = async (...args: string[]) => {
    const { code, stdout, stderr } = await ctl(["events", "--since", ...args, ...as(nats)]);
    assertEquals(code, 0, stderr);
    return linesOf(stdout);
  };
  await using kvm1 = await Member.make("kvm1", nats, [WEB1]);
  await using kvm2 = await Member.make("kvm2", nats, [WEB2]);

  await t.step("without a stream, reading says how to make it", async () => {
    const { code, stderr } = await ctl(["events", "--since", "start", ...as(nats)]);
    assert(code !== 0);
    assertStringIncludes(stderr, "kvmmanager-ctl events --keep");
  });

  await t.step("an operator makes it, twice is once, and nobody else may", async () => {
    for (const _ of [1, 2]) {
      const { code, stderr } = await ctl(["events", "--keep", ...as(nats)]);
      assertEquals(code, 0, stderr);
    }
    const { code } = await ctl(["events", "--keep", ...as(nats, "AUDITOR")]);
    assert(code !== 0);
  });

  await t.step("what happened is told, with its host and tenant, in order", async () => {
    await Promise.all([kvm1.join(), kvm2.join()]);
    await until(async () => (await read("start")).length >= 4, "the events");
    const found = await read("start");
    const of = (host: string) =>
      found.filter((event) => event.host === host).map(({ event, name, tenant }) => [
        event,
        name,
        tenant,
      ]);
    assertEquals(of("kvm1"), [["connected", "web1", "acme"], ["ready", "web1", "acme"]]);
    assertEquals(of("kvm2"), [["connected", "web2", "other"], ["ready", "web2", "other"]]);
  });

  await t.step("reading goes on from a cursor", async () => {
    const all = await read("start");
    const [, second] = all;
    assertEquals(await read(second?.cursor ?? ""), all.slice(2));
    const { code, stderr } = await ctl(["events", "--since", "17", ...as(nats)]);
    assertEquals(code, 64);
    assertStringIncludes(stderr, "--since");
  });

  await t.step("one tenant's are told alone", async () => {
    const found = await read("start", "--tenant", "acme");
    assertEquals(new Set(found.map(({ name }) => name)), new Set(["web1"]));
  });

  await t.step("a tenant and an auditor may not read them", async () => {
    for (const user of ["ACME", "AUDITOR"] as const) {
      const { code, stdout } = await ctl(["events", "--since", "start", ...as(nats, user)]);
      assert(code !== 0, user);
      assertEquals(stdout, "");
    }
  });

  await t.step("an event that is too large is kept without what the agent said", async () => {
    const params = { text: "x".repeat(1_100_000) };
    const line = JSON.stringify({ jsonrpc: "2.0", method: "large", params });
    await kvm1.agent("web1").send(`${line}\n`);
    await until(async () => (await read("start")).some(({ method }) => method === "large"), "it");
    const event = (await read("start")).find(({ method }) => method === "large");
    assertEquals(event?.params, undefined);
    assertStringIncludes(String(event?.omitted), "bytes");
  });

  await t.step(
    "while the server is killed and started, none is lost and none told twice",
    async () => {
      await using reader = await Reader.follow(nats, kvm1);
      await nats.kill();
      for (const number of [1, 2, 3]) await mark(kvm1, number);
      await nats.run();
      for (const number of [4, 5]) await mark(kvm1, number);
      await reader.told(5);
      assertInOrder(await read("start"));
    },
  );
});

Deno.test("each of three servers keeps the events, so that one may be lost", async () => {
  const [first, second, third] = await NatsServer.startCluster({ keepsEvents: true });
  if (first === undefined || second === undefined || third === undefined) fail("no cluster");
  await using stack = new AsyncDisposableStack();
  stack.use(first);
  for (const server of [second, third]) stack.defer(() => server.kill());
  const keep = () => ctl(["events", "--keep", ...as(first)]);
  // The servers elect a leader first.
  await until(async () => (await keep()).code === 0, "the stream", CLUSTER_MS);
  const kvm1 = stack.use(await Member.make("kvm1", first, [WEB1]));
  await kvm1.join();
  const reader = stack.use(await Reader.follow(first, kvm1));
  // The host and the reader are connected to it.
  await first.kill();
  for (const number of [1, 2, 3]) await mark(kvm1, number);
  await reader.told(3);
  const read = () => ctl(["events", "--since", "start", ...as(second)]);
  await until(
    async () => {
      const { code, stdout } = await read();
      if (code !== 0 || !stdout.includes('"number":3')) return false;
      assertInOrder(linesOf(stdout));
      return true;
    },
    "the events",
    CLUSTER_MS,
  );
});
