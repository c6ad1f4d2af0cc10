import { assert, assertEquals, assertMatch } from "@std/assert";
import { EXIT } from "../../../host/ctl/exit.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { survivors } from "../../_processes.ts";
import { until } from "../../_waiting.ts";
import { namesIn, TempDirectory } from "../../lib/_helpers.ts";
import { answerWell, resultLine, ScriptedAgent } from "../_scripted_agent.ts";
import { RunningCtl } from "./_ctl.ts";

const SUFFIX = ".org.kvmmanager.agent.0";
const PULLED = {
  file_stat: { path: "/f", type: "file", size_bytes: 10, permissions: "0644", modified_at: 1 },
};

for (
  const [what, args, hangsAt, expected] of [
    ["list", ["list"], "get_system_info", EXIT.interrupted],
    ["info", ["info"], "get_system_info", EXIT.interrupted],
    ["ping without an answer", ["ping"], "ping", EXIT.ok],
    ["methods", ["methods"], "rpc.discover", EXIT.interrupted],
    ["call", ["call", "anything", "--timeout", "0"], "anything", EXIT.interrupted],
    ["exec", ["exec", "-n", "sleep", "60"], "job_start", EXIT.interrupted],
    ["pull", ["pull", "/f"], "file_read", EXIT.interrupted],
    ["push", ["push", "LOCAL", "/f"], "file_write", EXIT.interrupted],
    ["shutdown", ["shutdown"], "shutdown", EXIT.interrupted],
    ["reboot that is waited for", ["reboot", "--wait"], "reboot", EXIT.interrupted],
    ["events", ["events"], "ping", EXIT.ok],
    ["top as JSON", ["top", "--json"], "ping", EXIT.ok],
  ] as const
) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`${signal} ends ctl ${what} immediately, with ${expected}`, async () => {
      await using directory = await TempDirectory.make();
      const channels = await directory.directory("channels");
      const work = await directory.directory("work");
      const local = await directory.file("work/local", "content");
      await using agent = new ScriptedAgent(`${channels}/vm${SUFFIX}`);
      agent.answerer = (request) => {
        if (request.method === hangsAt) return undefined;
        const known = Object.entries(PULLED).find(([method]) => method === request.method);
        return known === undefined ? answerWell(request) : { text: resultLine(request, known[1]) };
      };
      const isOfAll = ["list", "events", "top"].includes(args[0]);
      const [command, ...words] = args;
      const running = new RunningCtl([
        command,
        "--channels",
        channels,
        ...isOfAll ? [] : ["--domain", "vm"],
        ...words.map((word) => word === "LOCAL" ? local : word),
        ...command === "pull" ? [`${work}/`] : [],
      ]);
      await using _running = running;
      const asked = isOfAll ? "get_system_info" : hangsAt;
      await until(() => agent.requests.some(({ method }) => method === asked), "the request");
      const start = performance.now();
      running.kill(signal);
      const { code, stderr } = await running.ended();
      assertEquals([code, stderr], [expected, ""]);
      assert(performance.now() - start < 3000);
      const left = (await namesIn(work)).filter((name) => name !== "local");
      assertEquals(left, args[0] === "pull" ? [".f.kvmmanager-part"] : []);
    });
  }
}

Deno.test("Ctrl-C ends ctl ping, which prints its statistics", async () => {
  await using directory = await TempDirectory.make();
  await using _agent = new ScriptedAgent(directory.at("s"));
  const running = new RunningCtl(["ping", "--interval", "0.05", "--socket", directory.at("s")]);
  await using _running = running;
  await running.prints(/seq=3 /);
  running.kill();
  const { code, stdout } = await running.ended();
  assertEquals(code, EXIT.ok);
  assertMatch(stdout, /(\d+) sent, \1 answered, 0% lost\nround trip/);
});

Deno.test("Ctrl-C ends the program of ctl exec in the guest too", async () => {
  await using agent = await TestAgent.start();
  const { files, socket } = agent.paths;
  const script = `echo $$ > ${files}/pid; exec sleep 300`;
  const running = new RunningCtl(["exec", "-n", "--socket", socket, "--", "sh", "-c", script]);
  await using _running = running;
  const pidOf = async () => Number(await Deno.readTextFile(`${files}/pid`).catch(() => ""));
  await until(async () => await pidOf() > 0, "the program");
  const pid = await pidOf();
  running.kill();
  assertEquals((await running.ended()).code, EXIT.interrupted);
  assertEquals(await survivors([pid]), []);
});

Deno.test("Ctrl-C ends ctl while it waits for standard input", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("s"));
  const running = new RunningCtl(["exec", "--socket", directory.at("s"), "cat"]);
  await using _running = running;
  // This agent has no jobs.
  await until(
    () => agent.requests.some(({ method }) => method === "get_agent_info"),
    "the question for the message limit",
  );
  running.kill();
  assertEquals((await running.ended()).code, EXIT.interrupted);
});

Deno.test("Ctrl-C ends ctl push while it waits for standard input", async () => {
  await using agent = await TestAgent.start();
  const running = new RunningCtl([
    ...["push", "-", `${agent.paths.files}/f`],
    ...["--socket", agent.paths.socket],
  ]);
  await using _running = running;
  const partial = `${agent.paths.files}/.f.kvmmanager-part`;
  await until(() => Deno.stat(partial).then(() => true, () => false), "the empty first piece");
  running.kill();
  const { code, stderr } = await running.ended();
  assertEquals([code, stderr], [EXIT.interrupted, ""]);
});
