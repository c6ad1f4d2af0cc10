import { assertEquals } from "@std/assert";
import { jobRead } from "../../../handlers/jobs/job_read.ts";
import { jobSignal } from "../../../handlers/jobs/job_signal.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { script, startJob, statusOf } from "../../agent/_jobs.ts";

Deno.test("job_signal sends any of its signals", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(
    host,
    script("one", "trap 'echo caught; exit 9' USR2; echo; while :; do sleep 0.05; done"),
  );
  await host.call("job_read", { job_id: "one", wait_seconds: 10 }, jobRead.result);
  const signal = "SIGUSR2";
  assertEquals(
    await host.call("job_signal", { job_id: "one", signal }, jobSignal.result),
    { signal },
  );
  assertEquals((await statusOf(host, "one", 10)).exit_code, 9);
});
