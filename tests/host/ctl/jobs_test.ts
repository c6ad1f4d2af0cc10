/**
 * kvmmanager-ctl job, and what survives the loss of a connection.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { EXEC_EXIT, EXIT } from "../../../host/ctl/exit.ts";
import { AgentClient } from "../../../host/client.ts";
import { RemoteJob } from "../../../host/jobs/job.ts";
import { AgentLink } from "../../../host/jobs/link.ts";
import { makePaths, TestAgent } from "../../agent/_agent.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { BreakableSocket } from "../_breakable_socket.ts";
import { answerWell, resultLine, ScriptedAgent, stoppingLine } from "../_scripted_agent.ts";
import { channelTest, ctl, RunningCtl } from "./_ctl.ts";

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

Deno.test("RemoteJob passes input and output once and in order, however often the connection breaks", async () => {
  await using agent = await TestAgent.start();
  await using directory = await TempDirectory.make();
  const socket = new BreakableSocket(directory.at("s"), agent.paths.socket);
  await using _socket = socket;
  const connect = () => AgentClient.connect(socket.path);
  await using link = new AgentLink(await connect(), { connect });
  const job = await RemoteJob.start(link, {
    job_id: "echo",
    command: "cat",
    keep_input_open: true,
  });
  const sent = Array.from({ length: 125_000 }, (_, n) => String(n).padStart(7, "0") + "\n").join(
    "",
  );
  const bytes = new TextEncoder().encode(sent);
  const writing = (async () => {
    const input = job.input();
    for (let at = 0; at < bytes.byteLength; at += 50_000) {
      await input.write(bytes.slice(at, at + 50_000));
    }
    await input.end();
  })();
  let received = "";
  let breaks = 0;
  for await (const part of job.output()) {
    assert(part.kind !== "gap");
    if (part.kind === "end") assertEquals([part.end.state, part.end.exit_code], ["ended", 0]);
    else received += new TextDecoder().decode(part.bytes);
    if (received.length < (breaks + 1) * 200_000) continue;
    breaks += 1;
    socket.break();
  }
  await writing;
  assertEquals([received === sent, breaks, socket.connected > 4], [true, 5, true]);
});

Deno.test("AgentLink asks again what an agent that was stopping has not started", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("s"));
  let asked = 0;
  agent.answerer = (request) =>
    ++asked < 3 ? { text: stoppingLine(request), hangUp: asked === 2 } : answerWell(request);
  const lost: string[] = [];
  const connect = () => AgentClient.connect(agent.path);
  await using link = new AgentLink(await connect(), {
    connect,
    onLost: ({ message }) => lost.push(message),
  });
  assertEquals((await link.call("ping", {})).pong, true);
  assertEquals(lost, ["the agent is stopping; the request was not started"]);
  assertEquals([asked, agent.connections], [3, 2]);
});

channelTest("ctl exec runs the program with exec_command if the agent has no jobs", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("s"));
  agent.answerer = (request) => {
    if (request.method !== "exec_command") return answerWell(request);
    const output = { stdout: btoa("out\n"), stderr: btoa("err\n") };
    const result = {
      exit_code: 3,
      execution_time_ms: 1,
      ...output,
      stdout_truncated: false,
      stderr_truncated: false,
    };
    return { text: resultLine(request, result) };
  };
  const args = ["exec", "--socket", directory.at("s"), "--", "sort", "-n"];
  assertEquals(await ctl(args, "input\n"), { code: 3, stdout: "out\n", stderr: "err\n" });
  const { params } = agent.requests.find(({ method }) => method === "exec_command") ?? {};
  const { command, args: words, input } = z.parse(z.looseObject({}), params);
  assertEquals([command, words, input], ["sort", ["-n"], btoa("input\n")]);
});
