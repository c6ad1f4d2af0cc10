import { assertEquals } from "@std/assert";
import { jobStart } from "../../../handlers/jobs/job_start.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { script } from "../../agent/_jobs.ts";

Deno.test("job_start returns the job, with the defaults of its times", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  const params = script("one", "echo text");
  const { pid, started_at, begin_cursor, end_cursor, output_bytes, ...rest } = await host.call(
    "job_start",
    params,
    jobStart.result,
  );
  assertEquals([typeof pid, Number.isNaN(Date.parse(started_at))], ["number", false]);
  assertEquals(begin_cursor.split(".")[0], end_cursor.split(".")[0]);
  assertEquals(output_bytes <= 5, true);
  assertEquals({ ...rest, state: "running" }, {
    started: true,
    job_id: "one",
    state: "running",
    command: "sh",
    tty: false,
    timeout_seconds: 86_400,
    keep_seconds: 3600,
    input_bytes: 0,
    input_open: false,
  });
});
