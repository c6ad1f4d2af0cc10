import { assertEquals, assertRejects } from "@std/assert";
import { writeAll } from "../../../lib/base/write_all.ts";

Deno.test("writeAll() writes everything in order, however little is accepted at once", async () => {
  const written: number[] = [];
  const sink = {
    write: (bytes: Uint8Array) => {
      const accepted = bytes.subarray(0, written.length % 3);
      written.push(...accepted.length > 0 ? accepted : bytes.subarray(0, 1));
      return Promise.resolve(Math.max(1, accepted.length));
    },
  };
  const bytes = Uint8Array.from({ length: 20 }, (_, index) => index);
  await writeAll(sink, bytes);
  assertEquals(written, [...bytes]);
  await writeAll({ write: () => Promise.reject(new Error("not called")) }, new Uint8Array(0));
});

Deno.test("writeAll() fails as the sink fails", async () => {
  let writes = 0;
  const sink = {
    write: () => (++writes < 3 ? Promise.resolve(1) : Promise.reject(new Error("full"))),
  };
  await assertRejects(() => writeAll(sink, new Uint8Array(9)), Error, "full");
});
