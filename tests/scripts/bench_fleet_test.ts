import { assertEquals, assertMatch } from "@std/assert";
import { runScript } from "./_run.ts";
import { TempDirectory } from "../lib/_helpers.ts";

const BENCH = "scripts/bench_fleet.ts";

Deno.test("bench:fleet measures a small fleet, and leaves nothing behind", async () => {
  await using directory = await TempDirectory.make();
  const args = ["--agents", "20", "--seconds", "1"];
  const { code, stdout, stderr } = await runScript(BENCH, args, { TMPDIR: directory.path });
  // The numbers depend on what else the machine does. The exit status must agree with the table.
  assertEquals(code, stdout.includes("BROKEN") ? 1 : 0, stderr);
  for (
    const row of [
      /^\| all connected and described \| \d+\.\d\d s \| < 10 s \| /m,
      /^\| idle pool, of a core \| \d+\.\d\d % \| < 5 % \| /m,
      /^\| idle pool, resident \| \d+\.\d\d MiB \| < 250 MiB \| /m,
      /^\| ping p99, 2 hang and 2 flap \| \d+\.\d\d ms \| < 50 ms \| /m,
    ]
  ) {
    assertMatch(stdout, row);
  }
  assertEquals(await Array.fromAsync(Deno.readDir(directory.path)), []);
});

Deno.test("bench:fleet refuses anything but a number with 64", async () => {
  const { code, stderr } = await runScript(BENCH, ["--agents", "many"]);
  assertEquals(code, 64);
  assertMatch(stderr, /--agents must be a whole number above 0, received "many"/);
});
