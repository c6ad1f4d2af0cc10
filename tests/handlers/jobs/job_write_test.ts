import { assertEquals } from "@std/assert";
import { jobWrite } from "../../../handlers/jobs/job_write.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { startJob } from "../../agent/_jobs.ts";

Deno.test("job_write takes bytes as text or base64, and refuses other texts", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, { job_id: "cat", command: "cat", keep_input_open: true });
  const write = (params: Record<string, unknown>) =>
    host.request("job_write", { job_id: "cat", ...params });
  assertEquals((await write({ data: "ä" })).result, {
    accepted_bytes: 2,
    input_bytes: 2,
    input_open: true,
  });
  const result = await host.call(
    "job_write",
    { job_id: "cat", data: "AA==", encoding: "base64", end: true },
    jobWrite.result,
  );
  assertEquals(result, { accepted_bytes: 1, input_bytes: 3, input_open: false });
  for (const params of [{ data: "\ud800" }, { data: "?", encoding: "base64" }, { offset: -1 }]) {
    assertEquals("error" in await write(params), true);
  }
});
