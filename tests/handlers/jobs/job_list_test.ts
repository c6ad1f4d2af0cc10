import { assertEquals } from "@std/assert";
import { jobList } from "../../../handlers/jobs/job_list.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { script, startJob } from "../../agent/_jobs.ts";

Deno.test("job_list returns all jobs in pages that fit a message", async () => {
  await using agent = await TestAgent.start({ config: () => ({ max_message_size_kb: 1 }) });
  await using host = await agent.connect();
  const ids = ["a", "b", "c", "d", "e"];
  for (const id of ids) await startJob(host, script(id, "true"));
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = await host.call("job_list", { after }, jobList.result);
    seen.push(...page.jobs.map(({ job_id }) => job_id));
    after = page.next;
  } while (after !== undefined);
  assertEquals(seen, ids);
});
