import { assertEquals } from "@std/assert";
import { jobRead } from "../../../handlers/jobs/job_read.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { script, startJob, statusOf } from "../../agent/_jobs.ts";

Deno.test("job_read cuts no character, and replaces what is not UTF-8", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await startJob(host, script("one", "printf 'abc\\303\\244\\377\\342\\202'"));
  await statusOf(host, "one", 10);
  const read = (max_bytes: number, cursor?: string) =>
    host.call("job_read", { job_id: "one", max_bytes, cursor }, jobRead.result);
  const first = await read(4);
  assertEquals([first.output, first.eof], [[{ stream: "stdout", data: "abc" }], false]);
  const second = await read(4, first.cursor);
  assertEquals([second.offset, second.output[0]?.data], [3, "ä\ufffd"]);
  const rest = await read(100, second.cursor);
  assertEquals([rest.output[0]?.data, rest.eof], ["\ufffd", true]);
});

Deno.test("job_read fits the smallest message, whatever the output is", async () => {
  await using agent = await TestAgent.start({ config: () => ({ max_message_size_kb: 1 }) });
  await using host = await agent.connect();
  const code = "for i in $(seq 300); do printf '\\001\\377'; printf '\\002' >&2; done";
  await startJob(host, script("one", code));
  await statusOf(host, "one", 10);
  for (const encoding of ["utf8", "base64"]) {
    let cursor: string | undefined;
    for (let total = 0, eof = false; !eof;) {
      const read = await host.call("job_read", { job_id: "one", cursor, encoding }, jobRead.result);
      assertEquals([read.offset, read.lost_bytes], [total, 0]);
      ({ cursor, eof } = read);
      total = Number(cursor.split(".")[1]);
      if (eof) assertEquals(total, 900);
    }
  }
});
