import { assert, assertEquals, assertMatch } from "@std/assert";
import { TempDirectory } from "../lib/_helpers.ts";
import { runScript } from "../scripts/_run.ts";

Deno.test("bench:fleet measures a small fleet, and leaves nothing behind", async () => {
  await using directory = await TempDirectory.make();
  const args = ["--hosts", "2", "--agents", "10", "--calls", "100", "--seconds", "1"];
  const env = { TMPDIR: directory.path };
  const { code, stdout, stderr } = await runScript("scripts/bench_fleet.ts", args, env);
  assert(code === 0 || code === 1, stderr);
  // The numbers depend on what else the machine does. The exit status must agree with the table.
  assertEquals(code, stdout.includes("BROKEN") ? 1 : 0, stderr);
  for (
    const row of [
      /^\| exec_command, 1 at a time, CPU of all processes, daemon\/channel \| \d+\.\d\d x \| < 1.5 x \| /m,
      /^\| 2 hosts with 10 agents each ready \| \d+\.\d\d s \| < 10 s \| /m,
      /^\| idle daemon, of a core \| \d+\.\d\d % \| < 2 % \| /m,
      /^\| calls to random VMs \| \d+\.\d\d \/s \| ≥ 3000 \/s \| /m,
      /^\| calls to random VMs beside 1 that hang, p99 \| \d+\.\d\d ms \| < 100 ms \| /m,
      /^\| calls to random VMs, CPU of the daemons a call \| \d+\.\d\d µs \| < 160 µs \| /m,
      /^\| scrape of 10 VMs beside 1 that hang \| \d+\.\d\d ms \| < 50 ms \| /m,
    ]
  ) {
    assertMatch(stdout, row);
  }
  assertEquals(await Array.fromAsync(Deno.readDir(directory.path)), []);
});
