import { assertEquals } from "@std/assert";
import { batchesOf, fanOut } from "../../../host/fleet/fan_out.ts";

/** VMs of three hosts. */
const VMS = Array.from({ length: 30 }, (_, number) => ({ number, host: `kvm${number % 3}` }));

Deno.test("work keeps to both limits, and is done on every VM once", async () => {
  const done: number[] = [];
  const running: string[] = [];
  let [most, mostOfHost] = [0, 0];
  const options = { parallel: 5, perHost: 2, isStopped: () => false };
  const left = await fanOut(VMS, options, async ({ number, host }) => {
    running.push(host);
    most = Math.max(most, running.length);
    mostOfHost = Math.max(mostOfHost, running.filter((one) => one === host).length);
    await Promise.resolve();
    running.splice(running.indexOf(host), 1);
    done.push(number);
  });
  assertEquals(left, []);
  assertEquals(done.toSorted((a, b) => a - b), VMS.map(({ number }) => number));
  assertEquals([most, mostOfHost], [5, 2]);
});

Deno.test("once it is stopped nothing begins, and what was not begun is told", async () => {
  const done: number[] = [];
  const options = { parallel: 4, perHost: 4, isStopped: () => done.length >= 4 };
  const left = await fanOut(VMS, options, async ({ number }) => {
    await Promise.resolve();
    done.push(number);
  });
  assertEquals(done.length + left.length, VMS.length);
  assertEquals(left.length > VMS.length / 2, true);
});

for (
  const [batch, sizes] of [
    [undefined, [10]],
    ["3", [3, 3, 3, 1]],
    ["30%", [3, 3, 3, 1]],
    ["1%", Array(10).fill(1)],
    ["100%", [10]],
    ["50", [10]],
  ] as const
) {
  Deno.test(`10 VMs in batches of ${batch ?? "no size"}`, () => {
    const vms = Array.from({ length: 10 }, (_, number) => number);
    const batches = batchesOf(vms, batch);
    assertEquals(batches.map(({ length }) => length), [...sizes]);
    assertEquals(batches.flat(), vms);
  });
}

Deno.test("no VM makes no batch", () => assertEquals(batchesOf([], "50%"), []));
