/**
 * kvmmanager-ctl job, and what survives the loss of a connection.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { EXEC_EXIT, EXIT } from "../../../host/ctl/exit.ts";
import { makePaths, TestAgent } from "../../agent/_agent.ts";
import { ctl, RunningCtl } from "./_ctl.ts";

Deno.test("ctl job starts a program that goes on, and reads its output later", async () => {
  await using agent = await TestAgent.start();
  const job = (verb: string, ...args: string[]) =>
    ctl(["job", verb, "--socket", agent.paths.socket, ...args]);
  const start = ["--id", "one", "--env", "A=b", "--", "sh", "-c", "echo $A; echo err >&2; exit 3"];
  assertEquals(await job("start", ...start), { code: EXIT.ok, stdout: "one\n", stderr: "" });
  assertEquals((await job("start", ...start)).stdout, "one\n");
  const ended = await job("wait", "one");
  assertEquals([ended.code, ended.stdout], [3, ""]);
  assertEquals(await job("logs", "one"), { code: EXIT.ok, stdout: "b\n", stderr: "err\n" });
  assertEquals((await job("logs", "-f", "one")).code, 3);
  assertMatch((await job("list")).stdout, /^ID +STATE .*\none +ended \(3\) .* sh\n$/s);
  assertEquals(JSON.parse((await job("status", "--json", "one")).stdout).exit_code, 3);
  assertEquals((await job("forget", "one")).code, EXIT.ok);
  assertEquals((await job("status", "one")).code, EXIT.errorAnswer);
  assertEquals((await job("start", "--id", "a/b", "true")).code, EXIT.errorAnswer);
  assertEquals((await job("start")).code, EXIT.usage);
  assertEquals((await ctl(["job", "--socket", agent.paths.socket])).code, EXIT.usage);
  assertMatch((await job("start", "sleep", "300")).stdout, /^ctl-[0-9a-f-]{36}\n$/);
  assertEquals((await job("start", "--id", "two", "--", "sleep", "300")).code, EXIT.ok);
  assertEquals((await job("signal", "two", "TERM")).code, EXIT.ok);
  assertEquals((await job("wait", "two")).code, 143);
});

Deno.test("ctl job logs -f goes on after another host was served meanwhile", async () => {
  await using agent = await TestAgent.start();
  const socket = ["--socket", agent.paths.socket];
  const code = "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo $i; sleep 0.01; done";
  await ctl(["job", "start", ...socket, "--id", "count", "--", "sh", "-c", code]);
  await using running = new RunningCtl(["job", "logs", "-f", ...socket, "count"]);
  await running.prints(/^100$/m);
  assertEquals((await running.ended()).code, 0);
  const expected = Array.from({ length: 200 }, (_, index) => `${index + 1}\n`).join("");
  assertEquals(running.stdout, expected);
});

Deno.test("ctl exec tells that the program is lost when the agent was restarted", async () => {
  const paths = await makePaths();
  const first = await TestAgent.start({ paths });
  await using running = new RunningCtl([
    ...["exec", "-n", "--socket", paths.socket, "--", "sh", "-c", "echo begun; exec sleep 300"],
  ]);
  await running.prints(/begun/);
  first.kill("SIGKILL");
  await first.ended();
  await Deno.remove(paths.socket).catch(() => {});
  await using second = await TestAgent.start({ paths });
  const { code, stdout, stderr } = await running.ended();
  assertEquals([code, stdout], [EXEC_EXIT.failed, "begun\n"]);
  assertMatch(stderr, /trying to reach the job again/);
  assertMatch(stderr, /the agent in the guest ended while sh was running/);
  await using client = await second.client();
  assertEquals(await client.call("job_list"), { jobs: [] });
  assert(second.pid > 0);
});
