import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { Audit, type AuditOptions } from "../../../lib/audit/audit.ts";
import { DurableLines } from "../../../lib/audit/durable_lines.ts";
import { CollectingLog, rpcErrorOf } from "../_helpers.ts";
import { COMMAND_FAILED, PERMISSION_DENIED } from "../../_error_codes.ts";

const Line = z.record(z.string(), z.unknown());

/** An audit on a disk in memory that may be full, or hang. */
class Kept {
  text = "";
  isFull = false;
  hangs: Promise<void> = Promise.resolve();
  readonly log = new CollectingLog();
  readonly audit: Audit;

  constructor(options: Partial<AuditOptions> = {}) {
    const lines = new DurableLines(() =>
      Promise.resolve({
        isTorn: false,
        file: {
          write: (bytes) => {
            if (this.isFull) return Promise.reject(new Error("No space left on device"));
            this.text += new TextDecoder().decode(bytes);
            return Promise.resolve(bytes.byteLength);
          },
          syncData: () => this.hangs,
          close: () => {},
        },
      })
    );
    this.audit = new Audit({ lines, isRequired: true, log: this.log, ...options });
  }

  get lines() {
    return this.text.split("\n").filter((line) => line !== "")
      .map((line) => z.parse(Line, JSON.parse(line)));
  }

  get events() {
    return this.lines.map(({ event }) => event);
  }
}

const THING = { who: "channel", what: "file_write", id: 7, target: { path: "/tmp/f" } } as const;

Deno.test("a thing has a line before and a line after, each with who, what and to what", async () => {
  const kept = new Kept();
  const entry = await kept.audit.begin(THING);
  assertEquals(kept.events, ["begin"]);
  await entry.end({});
  const [begin, end] = kept.lines;
  for (const line of [begin, end]) {
    assertEquals([line?.who, line?.what, line?.id], ["channel", "file_write", 7]);
    assertEquals(line?.target, { path: "/tmp/f" });
    assertMatch(String(line?.time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  }
  assertEquals(begin?.audit_id, end?.audit_id);
  assertEquals([end?.event, end?.outcome, typeof end?.ms], ["end", "ok", "number"]);
});

Deno.test("what went wrong has its code and reason, and one end alone", async () => {
  const kept = new Kept();
  const entry = await kept.audit.begin(THING);
  await entry.end({ code: COMMAND_FAILED, reason: "disk full" });
  await entry.end({});
  const { outcome, code, reason } = kept.lines[1] ?? {};
  assertEquals({ outcome, code, reason }, {
    outcome: "error",
    code: COMMAND_FAILED,
    reason: "disk full",
  });
  assertEquals(kept.events, ["begin", "end"]);
  await entry.failedAfterAnswer(new Error("no such service"));
  assertEquals(kept.lines[2]?.reason, "no such service");
});

Deno.test("required: what cannot be written down is refused before it is done", async () => {
  const kept = new Kept();
  kept.isFull = true;
  const error = await rpcErrorOf(() => kept.audit.begin(THING));
  assertEquals(error.code, PERMISSION_DENIED);
  assertMatch(error.message, /No space left.*audit is "required": nothing was done/);
  kept.isFull = false;
  await (await kept.audit.begin(THING)).end({});
  assertEquals(kept.events, ["begin", "end"], "nothing was done meanwhile, so nothing is missing");
  assertEquals(kept.log.lines.map(({ level }) => level), ["error", "warn"]);
});

Deno.test("required: an outcome that cannot be written down is no success", async () => {
  const kept = new Kept();
  const entry = await kept.audit.begin(THING);
  kept.isFull = true;
  const error = await rpcErrorOf(() => entry.end({}));
  assertEquals(error.code, COMMAND_FAILED);
  assertMatch(error.message, /file_write was begun all the same/);
});

Deno.test("best effort: it is done all the same, and the file tells how many lines are missing", async () => {
  const kept = new Kept({ isRequired: false });
  kept.isFull = true;
  for (let round = 0; round < 3; round++) await (await kept.audit.begin(THING)).end({});
  assertEquals(kept.log.lines.length, 1, "told once");
  kept.isFull = false;
  const both = await Promise.all([kept.audit.begin(THING), kept.audit.begin(THING)]);
  for (const entry of both) await entry.end({});
  assertEquals(kept.events, ["missing", "begin", "begin", "end", "end"]);
  assertEquals(kept.lines[0]?.lines, 6);
});

Deno.test("a disk that hangs holds a request up for a while and not for ever", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const kept = new Kept({ waitMs: 20 });
  kept.hangs = promise;
  const error = await rpcErrorOf(() => kept.audit.begin(THING));
  assertMatch(error.message, /not on the disk within 20 ms/);
  resolve();
  kept.hangs = Promise.resolve();
  await (await kept.audit.begin(THING)).end({});
});

Deno.test("a line does not grow with what a host sends", async () => {
  const kept = new Kept();
  await (await kept.audit.begin({ ...THING, target: { command: "x".repeat(100_000) } })).end({});
  assert(kept.text.length < 12_000);
});

Deno.test("without a file nothing is kept", async () => {
  assertEquals(Audit.NONE.isKept, false);
  await (await Audit.NONE.begin(THING)).end({});
  await Audit.NONE.reopen();
});
