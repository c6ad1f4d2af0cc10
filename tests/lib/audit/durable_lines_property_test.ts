import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { DurableLines } from "../../../lib/audit/durable_lines.ts";

/** What the disk does with a write: takes so many bytes at most, or fails; and with a flush. */
const behaviour = fc.record({
  takes: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) }, {
    weight: 1,
    arbitrary: fc.constant(0),
  }),
  flushes: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, {
    weight: 1,
    arbitrary: fc.constant(false),
  }),
});

Deno.test("a line that was promised is whole in the file, whatever the disk did to others", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 12 }),
    fc.array(behaviour, { minLength: 1, maxLength: 30 }),
    async (groups, behaviours) => {
      let text = "";
      let steps = 0;
      const next = () => behaviours[steps++ % behaviours.length] ?? { takes: 1, flushes: true };
      const lines = new DurableLines(() =>
        Promise.resolve({
          isTorn: text !== "" && !text.endsWith("\n"),
          file: {
            write: (bytes) => {
              const { takes } = next();
              if (takes === 0) return Promise.reject(new Error("ENOSPC"));
              text += new TextDecoder().decode(bytes.subarray(0, takes));
              return Promise.resolve(Math.min(takes, bytes.byteLength));
            },
            syncData: () => next().flushes ? Promise.resolve() : Promise.reject(new Error("EIO")),
            close: () => {},
          },
        })
      );
      const promised: string[] = [];
      let count = 0;
      for (const size of groups) {
        const group = Array.from({ length: size }, () => `line ${count++}`);
        await Promise.all(
          group.map((line) => lines.append(line).then(() => promised.push(line), () => {})),
        );
      }
      await lines.close();
      const found = text.split("\n");
      assertEquals(promised.filter((line) => !found.includes(line)), []);
      const order = promised.map((line) => found.indexOf(line));
      assertEquals(order, order.toSorted((a, b) => a - b), "in their order");
      assert(!found.slice(0, -1).includes(""), "no empty line");
    },
  ));
});
