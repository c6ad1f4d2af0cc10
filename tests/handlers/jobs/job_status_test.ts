import { assertEquals } from "@std/assert";
import { jobStatus } from "../../../handlers/jobs/job_status.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { script, startJob } from "../../agent/_jobs.ts";

Deno.test("job_status waits for the end of a job, and no longer than it is told", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("one", "read line; exit 3", { keep_input_open: true }));
  const status = (wait_seconds: number) =>
    host.call("job_status", { job_id: "one", wait_seconds }, jobStatus.result);
  assertEquals([(await status(0)).state, (await status(1)).state], ["running", "running"]);
  const [ended] = await Promise.all([
    status(60),
    host.request("job_write", { job_id: "one", end: true }),
  ]);
  assertEquals([ended.state, ended.exit_code, ended.ended_by], ["ended", 3, "itself"]);
  assertEquals(Date.parse(ended.ended_at ?? "") >= Date.parse(ended.started_at), true);
});
