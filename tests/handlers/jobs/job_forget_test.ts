import { assertEquals } from "@std/assert";
import { jobForget } from "../../../handlers/jobs/job_forget.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { script, startJob, statusOf } from "../../agent/_jobs.ts";

Deno.test("job_forget removes an ended job, and its id can be used again", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("one", "true"));
  await statusOf(host, "one", 10);
  const forgotten = await host.call("job_forget", { job_id: "one" }, jobForget.result);
  assertEquals(forgotten, { forgotten: true });
  assertEquals("error" in await host.request("job_status", { job_id: "one" }), true);
  assertEquals((await startJob(host, script("one", "false"))).started, true);
});
