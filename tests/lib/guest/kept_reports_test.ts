import { assertEquals, assertRejects } from "@std/assert";
import { KeptReport, KeptReports } from "../../../lib/guest/kept_reports.ts";

/** A report that is a new number each time it is read. */
class Counted {
  readonly reports = new KeptReports();
  readonly #report: KeptReport<number>;
  #reads = 0;

  constructor(keptMs = Infinity) {
    this.#report = new KeptReport(this.reports, keptMs);
  }

  get(): Promise<number> {
    return this.#report.get(() => Promise.resolve(++this.#reads));
  }

  /** A read that ends when the function is called. */
  slowly(): { readonly got: Promise<number>; readonly end: (value: number) => void } {
    const { promise, resolve } = Promise.withResolvers<number>();
    return { got: this.#report.get(() => promise), end: resolve };
  }
}

Deno.test("a report is kept for its time", async () => {
  const counted = new Counted();
  assertEquals([await counted.get(), await counted.get()], [1, 1]);
});

Deno.test("a report is read again after its time", async () => {
  const counted = new Counted(-1);
  assertEquals([await counted.get(), await counted.get()], [1, 2]);
});

Deno.test("a report is dropped when something has changed", async () => {
  const counted = new Counted();
  await counted.get();
  counted.reports.drop();
  assertEquals([await counted.get(), await counted.get()], [2, 2]);
});

Deno.test("no report is kept while a change is under way", async () => {
  const counted = new Counted();
  await counted.get();
  const changed = counted.reports.change();
  assertEquals([await counted.get(), await counted.get()], [2, 3]);
  changed();
  assertEquals([await counted.get(), await counted.get()], [4, 4]);
});

Deno.test("no report is kept until the last of several changes has ended", async () => {
  const counted = new Counted();
  const first = counted.reports.change();
  const second = counted.reports.change();
  first();
  first();
  assertEquals([await counted.get(), await counted.get()], [1, 2]);
  second();
  assertEquals([await counted.get(), await counted.get()], [3, 3]);
});

Deno.test("a report asked for before a change is not kept after it", async () => {
  const counted = new Counted();
  const { got, end } = counted.slowly();
  counted.reports.change()();
  end(0);
  assertEquals(await got, 0);
  assertEquals(await counted.get(), 1);
});

Deno.test("a report asked for during a change is not kept after it", async () => {
  const counted = new Counted();
  const changed = counted.reports.change();
  const { got, end } = counted.slowly();
  changed();
  end(0);
  assertEquals(await got, 0);
  assertEquals(await counted.get(), 1);
});

Deno.test("a report does not take the place of one that was asked for later", async () => {
  const counted = new Counted();
  const early = counted.slowly();
  assertEquals(await counted.get(), 1);
  early.end(0);
  assertEquals(await early.got, 0);
  assertEquals(await counted.get(), 1);
});

Deno.test("a failure is not kept", async () => {
  const report = new KeptReport<number>(new KeptReports(), Infinity);
  await assertRejects(() => report.get(() => Promise.reject(new Error("failed"))), Error, "failed");
  assertEquals(await report.get(() => Promise.resolve(1)), 1);
});
