import { assertEquals } from "@std/assert";
import { HeldBroker } from "../../../../../lib/platform/linux/privileged/held_broker.ts";
import { LineReader } from "../../../../../lib/privileged/line_reader.ts";
import { rpcErrorOf } from "../../../_helpers.ts";

/** A broker that says something once it has been asked twice, and ends. */
function broker(lastWords: string): HeldBroker {
  const asked = Promise.withResolvers<void>();
  let questions = 0;
  const words = [lastWords];
  const link = {
    read: async (buffer: Uint8Array) => {
      await asked.promise;
      const text = words.shift();
      if (text === undefined) return null;
      return new TextEncoder().encodeInto(text, buffer).written;
    },
    write: (bytes: Uint8Array) => {
      if (++questions === 2) asked.resolve();
      return Promise.resolve(bytes.byteLength);
    },
    close: () => Promise.resolve(),
  };
  return new HeldBroker(link, new LineReader(link, 1000));
}

Deno.test("a broker that thaws by itself just when it is asked has answered", async () => {
  const held = broker('{"thawed":"ttl"}\n');
  const answers = await Promise.all([
    held.ask("fs_thaw", {}),
    held.ask("fs_freeze_status", {}),
  ]);
  assertEquals(answers, [{ thawed: [], problems: [], ended_by: "ttl" }, { frozen: [] }]);
  assertEquals(await held.ended, "ttl");
});

Deno.test("a freeze that had ended by itself does not look as if the request had ended it", async () => {
  const late = { thawed: [], problems: [], ended_by: null };
  const held = broker(`{"thawed":"ttl"}\n${JSON.stringify({ result: late })}\n`);
  const [answer] = await Promise.all([
    held.ask("fs_thaw", {}),
    held.ask("fs_freeze_status", {}),
  ]);
  assertEquals(answer, late);
  assertEquals(await held.ended, "ttl");
});

Deno.test("a broker that is killed when it is asked is an error", async () => {
  const held = broker("");
  const errors = await Promise.all([
    rpcErrorOf(() => held.ask("fs_thaw", {})),
    rpcErrorOf(() => held.ask("fs_freeze_status", {})),
  ]);
  assertEquals(errors.map(({ code }) => code), [-32000, -32000]);
  assertEquals(await held.ended, undefined);
});

Deno.test("a question to a broker that has ended is answered, not kept", async () => {
  for (const [words, code] of [['{"thawed":"ttl"}\n', undefined], ["", -32000]] as const) {
    const held = broker(words);
    const first = [held.ask("fs_thaw", {}), held.ask("fs_freeze_status", {})];
    await Promise.allSettled(first);
    await held.ended;
    const asking = held.ask("fs_freeze_status", {});
    if (code === undefined) assertEquals(await asking, { frozen: [] });
    else assertEquals((await rpcErrorOf(() => asking)).code, code);
  }
});
