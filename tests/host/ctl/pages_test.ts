import { assertEquals } from "@std/assert";
import { PAGE_ENTRIES, readPages } from "../../../host/ctl/commands/_pages.ts";

/** Returns the numbers up to `count`, two on a page. */
const numbers = (count: number, asked: number[] = []) => (cursor = "0", limit: number) => {
  asked.push(limit);
  const first = Number(cursor);
  const end = Math.min(first + Math.min(limit, 2), count);
  const entries = Array.from({ length: end - first }, (_, index) => first + index);
  return Promise.resolve({ entries, next: end < count ? String(end) : undefined });
};

Deno.test("readPages() returns every entry of every page, also of one without entries", async () => {
  assertEquals(await readPages(numbers(5)), [0, 1, 2, 3, 4]);
  assertEquals(await readPages(numbers(0)), []);
  const late = (cursor?: string) =>
    Promise.resolve(
      cursor === "a" ? { entries: [1], next: undefined } : { entries: [], next: "a" },
    );
  assertEquals(await readPages<number>(late), [1]);
});

Deno.test("readPages() asks for no more than it was told, and never for more than a page", async () => {
  const asked: number[] = [];
  assertEquals(await readPages(numbers(9, asked), 3), [0, 1, 2]);
  assertEquals(asked, [3, 1]);
  await readPages(numbers(1, asked));
  assertEquals(asked.at(-1), PAGE_ENTRIES);
});

Deno.test("readPages() ends with a guest that returns the same pages again and again", async () => {
  let reads = 0;
  const circle = (cursor?: string) => {
    reads += 1;
    return Promise.resolve({ entries: [reads], next: cursor === "a" ? "b" : "a" });
  };
  await readPages(circle);
  assertEquals(reads, 3);
});
