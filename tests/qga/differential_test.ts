/**
 * The same requests to qemu-ga and to our agent: the answers are the same but for the
 * deviations that docs/qga.md lists with their reasons.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../_deno.ts";
import { withBoth } from "./_both.ts";
import { differenceOf } from "./_compare.ts";
import { deviationsFrom } from "./_deviations.ts";
import { REFERENCES } from "./_references.ts";
import { readRequests } from "./_requests.ts";

for (const reference of REFERENCES) {
  const { version } = reference;
  Deno.test(`every answer is that of qemu-ga ${version}, or a listed deviation with its reason`, async () => {
    await withBoth(reference, async (theirs, ours) => {
      const problems: string[] = [];
      const unused = deviationsFrom(version);
      for (const entry of await readRequests()) {
        const [expected, actual] = await Promise.all([theirs.ask(entry), ours.ask(entry)]);
        const difference = differenceOf(entry, expected, actual);
        const isListed = unused.delete(entry.name);
        if (difference !== undefined && !isListed) problems.push(`${entry.name}: ${difference}`);
        if (difference === undefined && isListed) problems.push(`${entry.name}: does not deviate`);
      }
      assertEquals(problems, []);
      assertEquals([...unused.keys()], [], "every deviation names a request");
    });
  });
}

Deno.test("docs/qga.md gives the reason for each deviation", async () => {
  const page = (await Deno.readTextFile(`${ROOT}docs/qga.md`)).replaceAll(/\s+/g, " ");
  for (const { version } of REFERENCES) {
    for (const [name, reason] of deviationsFrom(version)) {
      assert(page.includes(reason), `${name}: ${reason}`);
    }
  }
});
