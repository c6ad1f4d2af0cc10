import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import * as z from "zod";
import { Audit, auditFileRemedy, type AuditOptions } from "../../../lib/audit/audit.ts";
import { DurableLines } from "../../../lib/audit/durable_lines.ts";
import { ConfigError } from "../../../lib/config/load.ts";
import { defaultConfig } from "../../../lib/config/schema.ts";
import { COMMAND_FAILED, PERMISSION_DENIED } from "../../_error_codes.ts";
import { CollectingLog, rpcErrorOf, TempDirectory } from "../_helpers.ts";

const Line = z.record(z.string(), z.unknown());

/** An audit on a disk in memory that can be full, or hang. */
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

const OPERATION = {
  who: "channel",
  what: "file_write",
  id: 7,
  target: { path: "/tmp/f" },
} as const;

Deno.test("an operation has a line before and a line after it, each with caller, name and target", async () => {
  const kept = new Kept();
  const entry = await kept.audit.begin(OPERATION);
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

Deno.test("a failure has its code and reason, and only one end", async () => {
  const kept = new Kept();
  const entry = await kept.audit.begin(OPERATION);
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

Deno.test("required: an operation that cannot be recorded is refused before it begins", async () => {
  const kept = new Kept();
  kept.isFull = true;
  const error = await rpcErrorOf(() => kept.audit.begin(OPERATION));
  assertEquals(error.code, PERMISSION_DENIED);
  assertMatch(error.message, /No space left.*audit is "required"; the request was not carried out/);
  kept.isFull = false;
  await (await kept.audit.begin(OPERATION)).end({});
  assertEquals(kept.events, ["begin", "end"], "nothing was done meanwhile, so nothing is missing");
  assertEquals(kept.log.lines.map(({ level }) => level), ["error", "warn"]);
});

Deno.test("required: an outcome that cannot be recorded is not a success", async () => {
  const kept = new Kept();
  const entry = await kept.audit.begin(OPERATION);
  kept.isFull = true;
  const error = await rpcErrorOf(() => entry.end({}));
  assertEquals(error.code, COMMAND_FAILED);
  assertMatch(error.message, /file_write was already started/);
});

Deno.test("best effort: the operation is carried out, and the file says how many lines are missing", async () => {
  const kept = new Kept({ isRequired: false });
  kept.isFull = true;
  for (let round = 0; round < 3; round++) await (await kept.audit.begin(OPERATION)).end({});
  assertEquals(kept.log.lines.length, 1, "told once");
  kept.isFull = false;
  const both = await Promise.all([kept.audit.begin(OPERATION), kept.audit.begin(OPERATION)]);
  for (const entry of both) await entry.end({});
  assertEquals(kept.events, ["missing", "begin", "begin", "end", "end"]);
  assertEquals(kept.lines[0]?.lines, 6);
});

Deno.test("best effort: the file says when it misses that an action after the answer failed", async () => {
  const kept = new Kept({ isRequired: false });
  const entry = await kept.audit.begin(OPERATION);
  await entry.end({});
  await entry.failedAfterAnswer(new Error("no such service"));
  kept.isFull = true;
  await entry.failedAfterAnswer(new Error("no such service"));
  kept.isFull = false;
  await kept.audit.begin(OPERATION);
  assertEquals(kept.events, ["begin", "end", "failed_after_answer", "missing", "begin"]);
  assertEquals(kept.lines[3]?.lines, 1);
});

Deno.test("a disk that hangs delays a request for a limited time", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const kept = new Kept({ waitMs: 20 });
  kept.hangs = promise;
  const error = await rpcErrorOf(() => kept.audit.begin(OPERATION));
  assertMatch(error.message, /not flushed to disk within 20 ms/);
  resolve();
  kept.hangs = Promise.resolve();
  await (await kept.audit.begin(OPERATION)).end({});
});

Deno.test("the length of a line is limited, whatever a host sends", async () => {
  const kept = new Kept();
  await (await kept.audit.begin({ ...OPERATION, target: { command: "x".repeat(100_000) } })).end(
    {},
  );
  assert(kept.text.length < 12_000);
});

Deno.test("without a file nothing is recorded", async () => {
  assertEquals(Audit.NONE.isKept, false);
  await (await Audit.NONE.begin(OPERATION)).end({});
  await Audit.NONE.reopen();
});

Deno.test("a line carries no control or format characters, and parses to what was given", async () => {
  const kept = new Kept();
  const path = "/tmp/\u009b31m\u007f\u202egnp.exe";
  await (await kept.audit.begin({ ...OPERATION, target: { path } })).end({ reason: path });
  assert(!/[\u007f-\u009f\u202e]/.test(kept.text), JSON.stringify(kept.text));
  assertEquals(kept.lines[1]?.target, { path });
});

Deno.test("a success may have details, and a reason alone makes a failure", async () => {
  const kept = new Kept();
  await (await kept.audit.begin(OPERATION)).end({ details: { changed: ["log_level"] } });
  await (await kept.audit.begin(OPERATION)).end({ reason: "no" });
  assertEquals(kept.lines.filter(({ event }) => event === "end").map((line) => line.outcome), [
    "ok",
    "error",
  ]);
  assertEquals(kept.lines[1]?.changed, ["log_level"]);
});

const configFor = (audit_file: string | null, audit: "required" | "best_effort" = "required") => ({
  ...defaultConfig(),
  audit_file,
  audit,
});

Deno.test("open() creates the file, readable for owner and group", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("audit.jsonl");
  const log = new CollectingLog();
  const audit = await Audit.open(configFor(path), { source: "config.json", log });
  assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o640);
  await (await audit.begin(OPERATION)).end({});
  await audit.reopen();
  assertEquals((await Deno.readTextFile(path)).trim().split("\n").length, 2);
  assertEquals(log.lines, []);
});

Deno.test("required: open() refuses a file that cannot be created, with the command that creates it", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("missing/audit.jsonl");
  const opening = () =>
    Audit.open(configFor(path), { source: "config.json", log: new CollectingLog() });
  const { problems, path: source } = await assertRejects(opening, ConfigError);
  assertEquals(source, "config.json");
  assertMatch(problems.join(), /^audit_file .*audit\.jsonl cannot be written: No such file/);
  const command = /run as root: (.*)$/.exec(problems.join())?.[1] ?? "";
  const { success } = await new Deno.Command("/bin/sh", {
    args: ["-c", Deno.uid() === 0 ? command : command.replace(/ -o \d+/, "")],
  }).output();
  assert(success, command);
  await (await opening()).reopen();
});

Deno.test("best effort: open() refuses a file that this agent may not create, too", async () => {
  const config = configFor("/nowhere/at/all", "best_effort");
  const opening = () => Audit.open(config, { source: "config.json", log: new CollectingLog() });
  const { problems } = await assertRejects(opening, ConfigError);
  assertMatch(problems.join(), /run as root: mkdir -p \/nowhere\/at && install /);
});

Deno.test("best effort: open() warns about a disk that fails, and goes on", async () => {
  const log = new CollectingLog();
  // Opening it for writing fails with "Text file busy", which is not for an administrator to mend.
  await Audit.open(configFor(Deno.execPath(), "best_effort"), { source: "config.json", log });
  const [line, ...more] = log.lines;
  assertEquals([line?.level, line?.fields.audit_file, more], ["warn", Deno.execPath(), []]);
});

for (
  const [error, remedy] of [
    [
      new Deno.errors.PermissionDenied("Permission denied (os error 13)"),
      "run as root: install -m 0640 -o 998 /dev/null '/var/log/it'\\''s here'",
    ],
    [
      new Error("Read-only file system (os error 30)"),
      /systemctl edit kvmmanager-agent.*ReadWritePaths=\/var\/log under \[Service\]/,
    ],
    [new Deno.errors.NotCapable("Requires write access"), /^restart the agent/],
  ] as const
) {
  Deno.test(`the remedy for an audit file that fails with "${error.message}" is to the point`, () => {
    const text = auditFileRemedy("/var/log/it's here", error, 998);
    if (typeof remedy === "string") assertEquals(text, remedy);
    else assertMatch(text, remedy);
  });
}
