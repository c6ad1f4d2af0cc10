import { assertEquals } from "@std/assert";
import { UsageError } from "../../lib/base/command_line.ts";
import { runOrder } from "../../scripts/run_order.ts";
import { MissingToolsError } from "../../scripts/vm/tools.ts";

const ENDS: readonly (readonly [string, Error | undefined, number])[] = [
  ["that was carried out", undefined, 0],
  ["that the command line got wrong", new UsageError("what?"), 64],
  ["for which programs are missing", new MissingToolsError(["zip"]), 69],
  ["that failed", new Error("the disk is full"), 70],
];

for (const [what, error, status] of ENDS) {
  Deno.test(`an order ${what} ends with status ${status}`, async () => {
    const performed: string[] = [];
    const task = {
      name: "test",
      usage: "",
      read: ([word = ""]: readonly string[]) => word,
      perform: (order: string) => {
        performed.push(order);
        return error === undefined ? Promise.resolve() : Promise.reject(error);
      },
    };
    assertEquals(await runOrder(task, ["word"]), status);
    assertEquals(performed, ["word"]);
  });
}
