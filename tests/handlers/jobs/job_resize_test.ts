import { assertEquals } from "@std/assert";
import { jobResize } from "../../../handlers/jobs/job_resize.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { script, startJob } from "../../agent/_jobs.ts";

Deno.test("job_resize returns the new size, and fails for a job that has ended", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const started = await host.request(
    "job_start",
    script("one", "read line", { tty: { rows: 24, cols: 80 } }),
  );
  // A guest without terminals says so.
  if ("error" in started) return;
  const size = { rows: 50, cols: 132 };
  assertEquals(await host.call("job_resize", { job_id: "one", ...size }, jobResize.result), size);
  await startJob(host, script("ended", "true"));
  assertEquals("error" in await host.request("job_resize", { job_id: "ended", ...size }), true);
});
