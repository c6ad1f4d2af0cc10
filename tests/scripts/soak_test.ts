/**
 * The search for the mix of loads that takes the most memory, and the loads.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { LOADS } from "../../scripts/soak/loads.ts";
import { describeMix, type Mix, worstMixes } from "../../scripts/soak/mixes.ts";
import { keepWorst, KEPT, search } from "../../scripts/soak/search.ts";

/** The default of `max_message_size_kb`, which is also the most that a program may send. */
const MAX_LINE_BYTES = 64 * 1024;

const mixOf = (load: string, count = 1): Mix => ({
  isRateLifted: false,
  isRead: true,
  parts: [{ load, count, size: 1 }],
});

for (const { name, line, maxSize } of LOADS) {
  Deno.test(`the largest line of ${name} is within the message limit`, () => {
    const text = line(999, maxSize, { files: "/tmp/some/directory/of/the/agent" });
    assert(text.length > 0 && !text.includes("\n"));
    assert(text.length <= MAX_LINE_BYTES, `${text.length} bytes`);
    if (name !== "unfinished requests") JSON.parse(text);
  });
}

/** Searches with a clock on which each measurement takes a second. */
async function searched(measurements: number, known: Mix[], peakOf: (mix: Mix) => number) {
  const tried: Mix[] = [];
  const measure = (mix: Mix) => Promise.resolve(peakOf(tried[tried.push(mix) - 1] ?? mix));
  const now = () => tried.length * 1000;
  const worse: number[] = [];
  const onWorse = ({ peakMiB }: { peakMiB: number }) => void worse.push(peakMiB);
  const worst = await search(measure, { known, seconds: measurements, seed: "s", onWorse, now });
  return { tried, worse, worst };
}

Deno.test("the search tries each load alone, then finds a mix of two that is worse", async () => {
  const [first = "", second = ""] = LOADS.map(({ name }) => name);
  const { tried, worse, worst } = await searched(1000, [], ({ parts }) => {
    const loads = new Set(parts.map(({ load }) => load));
    return loads.has(first) && loads.has(second) ? 80 : 40;
  });
  assertEquals(
    tried.slice(0, LOADS.length).map(({ parts }) => parts.map(({ load }) => load)),
    LOADS.map(({ name }) => [name]),
  );
  assertEquals([worse, worst[0]?.peakMiB], [[40, 80], 80]);
});

Deno.test("known mixes are measured again before anything else", async () => {
  const known = [mixOf("listings", 7)];
  const { tried } = await searched(1, known, () => 1);
  assertEquals(tried, known);
});

Deno.test("the worst mixes are kept, one for each set of loads", () => {
  const found = [
    { peakMiB: 50, mix: mixOf("listings", 1) },
    { peakMiB: 70, mix: mixOf("listings", 2) },
    { peakMiB: 60, mix: mixOf("events") },
  ];
  assertEquals(keepWorst(found).map(({ peakMiB }) => peakMiB), [70, 60]);
  const many = LOADS.map(({ name }, index) => ({ peakMiB: index, mix: mixOf(name) }));
  assertEquals(keepWorst(many).length, KEPT);
});

Deno.test("the mixes that are kept can be read, worst first", async () => {
  const kept = await worstMixes();
  assert(kept.length > 0);
  assertEquals(kept, kept.toSorted((a, b) => b.peakMiB - a.peakMiB));
});

Deno.test("a mix is described in a few words", () => {
  assertEquals(describeMix(mixOf("listings", 3)), "3 listings (1)");
  const lifted = { ...mixOf("events"), isRateLifted: true, isRead: false };
  assertEquals(describeMix(lifted), "1 events (1), no rate limit, answers unread");
});
