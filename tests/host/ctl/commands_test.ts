import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import * as z from "zod";
import { EXEC_EXIT, EXIT } from "../../../host/ctl/exit.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { tinyMount } from "../../agent/_tiny_disk.ts";
import { timed } from "../../_waiting.ts";
import { namesIn, TempDirectory } from "../../lib/_helpers.ts";
import {
  answerWell,
  errorLine,
  resultLine,
  ScriptedAgent,
  wellResult,
} from "../_scripted_agent.ts";
import { socketAt } from "../_sockets.ts";
import { ctl, ctlWords, RunningCtl } from "./_ctl.ts";
import { tool } from "../../_tool.ts";

const SUFFIX = ".org.kvmmanager.agent.0";

Deno.test("ctl list shows every VM, and why one does not answer", async () => {
  await using directory = await TempDirectory.make();
  await using _well = new ScriptedAgent(directory.at(`well${SUFFIX}`));
  await using hung = new ScriptedAgent(directory.at(`hung${SUFFIX}`));
  hung.answerer = () => undefined;
  await using closing = new ScriptedAgent(directory.at(`closing${SUFFIX}`));
  closing.answerer = () => ({ text: "", hangUp: true });
  await using evil = new ScriptedAgent(directory.at(`evil${SUFFIX}`));
  evil.answerer = (request) =>
    request.method === "get_system_info"
      ? { text: resultLine(request, wellResult(request.method, { os_name: "\x1b[2J" })) }
      : answerWell(request);
  await using partly = new ScriptedAgent(directory.at(`partly${SUFFIX}`));
  partly.answerer = (request) =>
    request.method === "get_disk_usage"
      ? { text: errorLine(request, -32001, "not for you") }
      : answerWell(request);
  await socketAt(directory.at(`off${SUFFIX}`));
  await directory.directory("3-two\nlines");
  await socketAt(directory.at("3-two\nlines/org.kvmmanager.agent.0"));
  const { code, stdout, stderr } = await ctl(["list", "--channels", directory.path]);
  assertEquals([code, stderr], [EXIT.ok, ""]);
  assertEquals(stdout.trim().split("\n").map((line) => line.split(/ {2,}/)), [
    ["NAME", "STATE", "OS", "ADDRESS", "UPTIME", "LOAD", "FULLEST DISK"],
    ["closing", "connection lost"],
    ["evil", "ready", "\\x1b[2J 1", "192.0.2.7", "1m 40s", "0.50", "91% /"],
    ["hung", "no answer"],
    ["off", "not served"],
    ["partly", "ready", "Testix 1", "192.0.2.7", "1m 40s", "0.50"],
    ["two\\nlines", "not served"],
    ["well", "ready", "Testix 1", "192.0.2.7", "1m 40s", "0.50", "91% /"],
  ]);
  const json = await ctl(["list", "--channels", directory.path, "--json"]);
  const Row = z.looseObject({ name: z.string(), state: z.string(), socket: z.string() });
  const rows = z.parse(z.array(Row), JSON.parse(json.stdout));
  assertEquals(rows.length, 7);
  assert(rows.every(({ socket }) => socket.startsWith(directory.path)));
});

Deno.test("ctl list without any VM says where it searched", async () => {
  await using directory = await TempDirectory.make();
  const { code, stdout, stderr } = await ctl(["list", "--channels", directory.path]);
  assertEquals([code, stdout], [EXIT.ok, ""]);
  assertStringIncludes(stderr, directory.path);
  assertEquals((await ctl(["list", "--json", "--channels", directory.path])).stdout, "[]\n");
});

Deno.test("ctl finds a VM by any name, and lists the VMs if there is none of that name", async (t) => {
  await using directory = await TempDirectory.make();
  const names = ["plain", "with space", "a.b", "..", "two\nlines"];
  await using stack = new AsyncDisposableStack();
  for (const name of names) stack.use(new ScriptedAgent(directory.at(`${name}${SUFFIX}`)));
  const call = (name: string) =>
    ctl(["call", "ping", "--domain", name, "--channels", directory.path]);
  for (const name of names) {
    await t.step(JSON.stringify(name), async () => {
      const { code, stdout, stderr } = await call(name);
      assertEquals([code, JSON.parse(stdout)], [EXIT.ok, { pong: true, timestamp: 1 }], stderr);
    });
  }
  for (const name of ["../plain", "plain/", "/plain", "PLAIN", "plain\n", `plain${SUFFIX}`]) {
    await t.step(`not ${JSON.stringify(name)}`, async () => {
      const { code, stdout, stderr } = await call(name);
      assertEquals([code, stdout], [EXIT.unavailable, ""]);
      assertMatch(stderr, /^kvmmanager-ctl: no VM [^\n]+; there are [^\n]+"plain"[^\n]+\n$/);
    });
  }
  await t.step("not one of two of the same name", async () => {
    await directory.directory("4-plain");
    stack.use(new ScriptedAgent(directory.at("4-plain/org.kvmmanager.agent.0")));
    const { code, stderr } = await call("plain");
    assertEquals(code, EXIT.usage);
    assertMatch(stderr, /several VMs are named "plain"; give --socket: there are .*4-plain/);
  });
});

Deno.test("ctl lists the sockets that exist if there is none at the path", async () => {
  await using directory = await TempDirectory.make();
  await using _agent = new ScriptedAgent(directory.at(`vm1${SUFFIX}`));
  const none = directory.at("none");
  const { code, stderr } = await ctl(["info", "--socket", none, "--channels", directory.path]);
  assertEquals(code, EXIT.unavailable);
  assertMatch(stderr, /the socket does not exist; there is "[^"]*vm1/);
});

Deno.test("ctl says of a path that is not a socket what it is not", async () => {
  await using directory = await TempDirectory.make();
  const file = await directory.file("file", "");
  for (const path of [file, directory.path]) {
    const { code, stderr } = await ctl(["ping", "--socket", path, "--channels", directory.path]);
    assertEquals(code, EXIT.unavailable);
    assertMatch(stderr, /^kvmmanager-ctl: [^\n]+ is not a socket; no channel was found: /);
  }
});

Deno.test("ctl names the group that has access when permission is denied", async (t) => {
  // Root is denied nothing until it drops these capabilities (capabilities(7)).
  const wrapper = Deno.uid() === 0
    ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    : [];
  await using directory = await TempDirectory.make();
  const channels = await directory.directory("channels");
  await using _agent = new ScriptedAgent(`${channels}/vm1${SUFFIX}`);
  const group = await tool("stat", "-c", "%G", channels);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.chmod(channels, 0o700));
  for (
    const [what, mode, args, path] of [
      ["a directory", 0, ["ping", "--domain", "vm1", "--channels", channels], channels],
      ["a socket's directory", 0, ["ping", "--socket", `${channels}/vm1${SUFFIX}`], channels],
    ] as const
  ) {
    await t.step(what, async () => {
      await Deno.chmod(channels, mode);
      const running = new RunningCtl(args, wrapper);
      await using _running = running;
      const { code, stderr } = await running.ended();
      assertEquals(code, EXIT.unavailable, stderr);
      assertMatch(stderr, /^kvmmanager-ctl: [^\n]*permission denied; [^\n]*\n$/);
      assertStringIncludes(stderr, `${path} belongs to the group ${group}`);
    });
  }
  await t.step("a directory, for list", async () => {
    const running = new RunningCtl(["list", "--channels", channels], wrapper);
    await using _running = running;
    const { code, stderr } = await running.ended();
    assertEquals([code, stderr], [
      EXIT.unavailable,
      `kvmmanager-ctl: ${channels}: permission denied\n`,
    ]);
  });
});

Deno.test("ctl says what to check when an agent does not answer", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("s"));
  agent.answerer = () => undefined;
  const args = ["call", "ping", "--timeout", "0.2", "--socket", directory.at("s")];
  const { code, stderr } = await ctl(args);
  assertEquals(code, EXIT.unavailable);
  assertMatch(stderr, /no answer to ping within 0\.2 s; in the guest, .*kvmmanager-agent/);
});

Deno.test("ctl says that an agent is too old for a method", async () => {
  await using directory = await TempDirectory.make();
  await using _agent = new ScriptedAgent(directory.at("s"));
  const { code, stderr } = await ctl(["pull", "/f", "--socket", directory.at("s")]);
  assertEquals(code, EXIT.errorAnswer);
  assertMatch(stderr, /the agent is older than this kvmmanager-ctl; update it in the guest/);
});

Deno.test("ctl info describes a real agent, for people and for programs", async () => {
  await using agent = await TestAgent.start();
  const args = ["info", "--socket", agent.paths.socket];
  const { code, stdout } = await ctl(args);
  assertEquals(code, EXIT.ok);
  for (
    const word of ["Agent", "System", "host name", Deno.hostname(), "Network", "lo", "File systems"]
  ) {
    assertStringIncludes(stdout, word);
  }
  const Facts = z.strictObject({
    agent: z.looseObject({ platform: z.literal("linux") }),
    system: z.looseObject({ hostname: z.literal(Deno.hostname()) }),
    network: z.looseObject({ interfaces: z.array(z.unknown()) }),
    disks: z.looseObject({ filesystems: z.array(z.unknown()) }),
  });
  assert(z.safeParse(Facts, JSON.parse((await ctl([...args, "--json"])).stdout)).success);
});

Deno.test("ctl methods lists those of an agent, or its own", async () => {
  await using agent = await TestAgent.start();
  const own = await ctl(["methods"]);
  const theirs = await ctl(["methods", "--socket", agent.paths.socket]);
  assertEquals(own, theirs);
  assertMatch(own.stdout, /^file_hash +\S.*$/m);
  const document = await ctl(["methods", "--json", "--socket", agent.paths.socket]);
  assert(z.safeParse(z.looseObject({ openrpc: z.string() }), JSON.parse(document.stdout)).success);
});

Deno.test("ctl ping stops after --count, and prints statistics", async () => {
  await using agent = await TestAgent.start();
  const args = ["ping", "--count", "3", "--interval", "0.01", "--socket", agent.paths.socket];
  const { code, stdout } = await ctl(args);
  assertEquals(code, EXIT.ok);
  assertEquals(stdout.match(/^answer from .*: seq=\d time=\d+\.\d{3} ms$/gm)?.length, 3);
  assertMatch(
    stdout,
    /3 sent, 3 answered, 0% lost\nround trip min\/avg\/max\/mdev = [\d./]+ ms\n$/,
  );
  const json = await ctl([...args, "--json"]);
  assertEquals(json.stdout.trim().split("\n").map((line) => JSON.parse(line).seq), [1, 2, 3]);
});

Deno.test("ctl exec passes input, outputs and exit status through, byte by byte", async () => {
  await using agent = await TestAgent.start();
  const exec = (args: readonly string[], input?: string | Uint8Array) =>
    ctl(["exec", "--socket", agent.paths.socket, ...args], input);
  const script = "cat; printf 'to stderr' >&2; exit 7";
  assertEquals(await exec(["sh", "-c", script], "from stdin\n"), {
    code: 7,
    stdout: "from stdin\n",
    stderr: "to stderr",
  });
  const bytes = await exec(["--", "od", "-An", "-tx1"], new Uint8Array([0, 255, 10, 128]));
  assertEquals(bytes.stdout.trim(), "00 ff 0a 80");
  assertEquals(
    (await exec(["echo", "--json", "-n", "--", "", "a b"])).stdout,
    "--json -n --  a b\n",
  );
  assertEquals((await exec(["--cwd", "/usr", "pwd"])).stdout, "/usr\n");
  const env = ["--env", "A=b=c", "-e", "D=", "--", "sh", "-c", 'echo "$A.$D."'];
  assertEquals((await exec(env)).stdout, "b=c..\n");
  assertEquals((await exec(["-n", "cat"], "not wanted")).stdout, "");
  const json = await exec(["--json", "sh", "-c", "echo out; echo err >&2; exit 3"]);
  const Result = z.looseObject({
    exit_code: z.literal(3),
    stdout: z.literal("out\n"),
    stderr: z.literal("err\n"),
  });
  assert(z.safeParse(Result, JSON.parse(json.stdout)).success, json.stdout);
  assertEquals(json.code, 3);
});

Deno.test("ctl exec exits like env(1) and timeout(1) if the program cannot be run", async (t) => {
  await using agent = await TestAgent.start({
    config: () => ({ security: { command_whitelist: ["sh", "sleep", "nowhere"] } }),
  });
  const exec = (...args: string[]) => ctl(["exec", "--socket", agent.paths.socket, ...args]);
  for (
    const [what, args, status, text] of [
      ["not found", ["nowhere"], EXEC_EXIT.notFound, /program not found/],
      ["not allowed", ["id"], EXEC_EXIT.notExecutable, /not in command_whitelist/],
      ["malformed", ["./id"], EXEC_EXIT.failed, /the agent refused: .*absolute/],
      ["a variable without a name", ["--env", "=x", "sh"], EXIT.usage, /NAME=VALUE/],
      ["no program", [], EXIT.usage, /program to run is missing/],
    ] as const
  ) {
    await t.step(what, async () => {
      const { code, stdout, stderr } = await exec(...args);
      assertEquals([code, stdout], [status, ""], stderr);
      assertMatch(stderr, text);
    });
  }
  // Long enough for a shell to start and print on a loaded machine.
  await t.step("out of time, with what it had printed", async () => {
    const { code, stdout, stderr } = await exec(
      "--timeout",
      "5",
      "sh",
      "-c",
      "echo begun; sleep 60",
    );
    assertEquals([code, stdout], [EXEC_EXIT.timeout, "begun\n"]);
    assertMatch(stderr, /timed out in the guest: sh did not finish within 5 s/);
  });
  await t.step("out of time, as JSON", async () => {
    const { code, stdout } = await exec(
      ...["--json", "--timeout", "5", "sh", "-c", "echo begun; sleep 60"],
    );
    assertEquals(code, EXEC_EXIT.timeout);
    const Failure = z.strictObject({
      error: z.looseObject({
        code: z.literal(-32003),
        data: z.looseObject({ stdout: z.literal("begun\n") }),
      }),
    });
    assert(z.safeParse(Failure, JSON.parse(stdout)).success, stdout);
  });
  await t.step("no agent", async () => {
    const { code } = await ctl(["exec", "--socket", `${agent.paths.directory}/none`, "sh"]);
    assertEquals(code, EXEC_EXIT.failed);
  });
});

Deno.test("ctl exec passes input and output of any size, as they come", async () => {
  await using agent = await TestAgent.start();
  const exec = ["exec", "--socket", agent.paths.socket, "--"];
  const long = await ctl([...exec, "sh", "-c", "seq -f %07g 0 249999; echo end >&2; exit 5"]);
  assertEquals([long.code, long.stdout.length, long.stderr], [5, 2_000_000, "end\n"]);
  assert(long.stdout.split("\n").slice(0, -1).every((line, index) => Number(line) === index));
  const input = "0123456789".repeat(100_000);
  assertEquals(await ctl([...exec, "cat"], input), { code: 0, stdout: input, stderr: "" });
  // It does not read its input.
  assertEquals((await ctl([...exec, "true"], input)).code, 0);
  await using running = new RunningCtl([...exec, "sh", "-c", "echo ready; cat"]);
  await running.prints(/^ready$/m);
  running.kill();
  assertEquals((await running.ended()).code, EXIT.interrupted);
  await using client = await agent.client();
  assertEquals(await client.call("job_list"), { jobs: [] });
});

Deno.test("ctl exec --json fails with 122 when output is cut, and refuses input that does not fit", async () => {
  await using agent = await TestAgent.start();
  const exec = ["exec", "--json", "--socket", agent.paths.socket, "--"];
  const json = await ctl([...exec, "sh", "-c", "yes | head -c 1000000 >&2; exit 5"]);
  assertEquals(json.code, EXEC_EXIT.outputCut);
  assertMatch(
    json.stderr,
    /stderr was truncated after \d+\S* KiB \(the message limit\); .*exited with status 5\..*pull that\n$/,
  );
  const Cut = z.looseObject({ exit_code: z.literal(5), stderr_truncated: z.literal(true) });
  assert(z.safeParse(Cut, JSON.parse(json.stdout)).success);
  const input = await ctl([...exec, "cat"], new Uint8Array(100_000));
  assertEquals([input.code, input.stdout], [EXIT.usage, ""]);
  assertMatch(input.stderr, /push it as a file/);
});

Deno.test("ctl pull and push copy files and print a summary", async (t) => {
  await using agent = await TestAgent.start();
  await using host = await TempDirectory.make();
  const { files, socket } = agent.paths;
  const content = "x".repeat(300_000);
  await Deno.writeTextFile(`${files}/f`, content);
  await t.step("pull into a directory", async () => {
    const { code, stdout, stderr } = await ctl([
      "pull",
      `${files}/f`,
      host.path,
      "--socket",
      socket,
    ]);
    assertEquals([code, stderr], [EXIT.ok, ""], "no bar where there is no terminal");
    assertMatch(stdout, /\/f: 293 KiB in [\d.]+ s, /);
    assertEquals(await Deno.readTextFile(host.at("f")), content);
  });
  await t.step("push into a directory, quietly", async () => {
    const args = ["push", "-q", "-p", host.at("f"), `${files}/new/`, "--socket", socket];
    assertEquals(await ctl(args), { code: 0, stdout: "", stderr: "" });
    assertEquals(await Deno.readTextFile(`${files}/new/f`), content);
  });
  await t.step("as JSON", async () => {
    const args = [
      "push",
      "--json",
      "--mode",
      "0600",
      host.at("f"),
      `${files}/g`,
      "--socket",
      socket,
    ];
    const { stdout } = await ctl(args);
    const Moved = z.strictObject({
      path: z.literal(`${files}/g`),
      bytes: z.literal(300_000),
      resumed_bytes: z.literal(0),
      sha256: z.string(),
      seconds: z.number(),
    });
    assert(z.safeParse(Moved, JSON.parse(stdout)).success, stdout);
  });
  for (
    const [what, args, status, text] of [
      ["no file in the guest", ["pull", `${files}/none`], EXIT.errorAnswer, /No such file/],
      ["a directory in the guest", ["pull", files], EXIT.errorAnswer, /of type directory/],
      ["a path that ends with a slash", ["pull", `${files}/`], EXIT.usage, /is a directory/],
      ["outside what is allowed", ["pull", "/etc/shadow"], EXIT.errorAnswer, /outside allowed/],
      ["no file here", ["push", host.at("none"), `${files}/x`], EXIT.localFile, /No such file/],
      [
        "no right here",
        ["pull", `${files}/f`, "/proc/f"],
        EXIT.localFile,
        /access to that path is not permitted: [^,]*$/m,
      ],
      [
        "no such directory here",
        ["pull", `${files}/f`, host.at("no/f")],
        EXIT.localFile,
        /No such/,
      ],
      ["a wrong mode", ["push", "--mode", "9", host.at("f"), `${files}/x`], EXIT.usage, /octal/],
    ] as const
  ) {
    await t.step(what, async () => {
      const { code, stdout, stderr } = await ctl([...args, "--socket", socket]);
      assertEquals([code, stdout], [status, ""], stderr);
      assertMatch(stderr, /^kvmmanager-ctl: [^\n]+\n$/);
      assertMatch(stderr, text);
    });
  }
});

Deno.test("ctl mkdir, mv, ls and rm change the guest's files as people expect", async () => {
  await using agent = await TestAgent.start();
  const { files } = agent.paths;
  const run = (...args: string[]) => ctl([...args, "--socket", agent.paths.socket]);
  assertEquals((await run("mkdir", "-p", "--mode", "0750", `${files}/a/b`)).code, EXIT.ok);
  assertEquals((await run("mkdir", "-p", `${files}/a/b`)).code, EXIT.ok);
  const again = await run("mkdir", `${files}/a/b`);
  assertEquals([again.code, again.stderr.includes("exists already")], [EXIT.errorAnswer, true]);
  await Deno.writeTextFile(`${files}/f`, "new");
  await Deno.writeTextFile(`${files}/a/f`, "old");
  assertEquals((await run("mv", `${files}/f`, `${files}/a/`)).code, EXIT.errorAnswer);
  assertEquals((await run("mv", "-f", `${files}/f`, `${files}/a/`)).code, EXIT.ok);
  assertEquals(await Deno.readTextFile(`${files}/a/f`), "new");
  const { stdout } = await run("ls", "-l", `${files}/a`);
  assertEquals(stdout.trim().split("\n").slice(1).map((line) => line.split(/ +/).toSpliced(2, 2)), [
    ["0750", "4096", "b/"],
    ["0644", "3", "f"],
  ]);
  assertEquals((await run("ls", `${files}/a`)).stdout, "b/\nf\n");
  const refused = await run("rm", `${files}/a`);
  assertEquals([refused.code, refused.stderr.includes("is a directory")], [
    EXIT.errorAnswer,
    true,
  ]);
  assertEquals((await run("rm", "-rf", `${files}/a`, `${files}/none`)).code, EXIT.ok);
  assertEquals((await run("rm", `${files}/none`)).code, EXIT.errorAnswer);
  assertEquals(await namesIn(files), []);
});

Deno.test("ctl pull to a full disk fails and leaves nothing there", async () => {
  const onDisk = await tinyMount("size=256k");
  if (onDisk === undefined) return;
  await using agent = await TestAgent.start();
  await using host = await TempDirectory.make();
  await Deno.writeFile(`${agent.paths.files}/f`, new Uint8Array(1024 * 1024).fill(7));
  // What is left there can be seen only from within the namespace.
  const script = '"$@"; status=$?; ls -A "$0" >&2; exit $status';
  const args = ["pull", `${agent.paths.files}/f`, `${host.path}/f`, "--socket", agent.paths.socket];
  await using running = new RunningCtl(args, [...onDisk(host.path), "sh", "-c", script, host.path]);
  await running.feed("");
  const { code, stderr } = await running.ended();
  assertEquals(code, EXIT.localFile, stderr);
  assertMatch(stderr, /^kvmmanager-ctl: [^\n]*No space left on device[^\n]*\n$/);
  assertEquals(await namesIn(host.path), []);
});

Deno.test("ctl shutdown and reboot request it, and wait with --wait", async (t) => {
  await using directory = await TempDirectory.make();
  const socket = directory.at("s");
  const initiated = { initiated: true, message: "initiated" };
  await t.step("at once", async () => {
    await using agent = new ScriptedAgent(socket);
    agent.answerer = (request) => ({ text: resultLine(request, initiated) });
    const { code, stdout } = await ctl([
      "shutdown",
      "--force",
      "--timeout",
      "5",
      "--socket",
      socket,
    ]);
    assertEquals([code, stdout], [EXIT.ok, "shutdown initiated\n"]);
    assertEquals(agent.requests.at(-1)?.params, { force: true, timeout_seconds: 5 });
  });
  await t.step("until the guest is off", async () => {
    const agent = new ScriptedAgent(socket);
    const running = new RunningCtl(["shutdown", "--wait", "--socket", socket]);
    await using _running = running;
    agent.answerer = (request) =>
      request.method === "shutdown"
        ? { text: resultLine(request, initiated) }
        : answerWell(request);
    await running.prints(/waiting until the guest is off/);
    await agent[Symbol.asyncDispose]();
    const { code, stdout } = await running.ended();
    assertEquals(code, EXIT.ok);
    assertMatch(stdout, /^shutdown completed after/);
  });
  await t.step("until the guest has booted again", async () => {
    await using agent = new ScriptedAgent(socket);
    let uptime_seconds = 5000;
    agent.answerer = (request) => {
      if (request.method === "reboot") return { text: resultLine(request, initiated) };
      if (request.method !== "get_system_info") return answerWell(request);
      return { text: resultLine(request, wellResult(request.method, { uptime_seconds })) };
    };
    const running = new RunningCtl(["reboot", "--wait", "--json", "--socket", socket]);
    await using _running = running;
    // The request, and at least one poll that finds the guest still up.
    const polls = () => agent.requests.filter(({ method }) => method === "get_system_info").length;
    while (polls() < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(running.stdout, "");
    uptime_seconds = 1;
    const { code, stdout } = await running.ended();
    assertEquals(code, EXIT.ok);
    const Done = z.looseObject({ initiated: z.literal(true), done: z.literal(true) });
    assert(z.safeParse(Done, JSON.parse(stdout)).success);
  });
  await t.step("refused", async () => {
    await using agent = await TestAgent.start();
    const { code, stderr } = await ctl(["reboot", "--wait", "--socket", agent.paths.socket]);
    assertEquals(code, EXIT.errorAnswer);
    assertMatch(stderr, /^kvmmanager-ctl: [^\n]+: [^\n]+\n$/m);
  });
});

Deno.test("ctl list shows one VM with --domain or --socket", async () => {
  await using directory = await TempDirectory.make();
  await using one = new ScriptedAgent(directory.at(`one${SUFFIX}`));
  await using _other = new ScriptedAgent(directory.at(`other${SUFFIX}`));
  const names = async (...args: string[]) => {
    const { stdout } = await ctl(["list", "--json", "--channels", directory.path, ...args]);
    return z.parse(z.array(z.looseObject({ socket: z.string() })), JSON.parse(stdout))
      .map(({ socket }) => socket);
  };
  assertEquals((await names()).length, 2);
  assertEquals(await names("--domain", "one"), [one.path]);
  assertEquals(await names("--socket", one.path), [one.path]);
  assertEquals((await ctl(["list", "--domain", "none", "--channels", directory.path])).code, 2);
});

Deno.test("ctl says at once which program uses the channel", async () => {
  await using directory = await TempDirectory.make();
  const socket = directory.at("s");
  await using _agent = new ScriptedAgent(socket);
  const watching = new RunningCtl(["events", "--socket", socket]);
  await using _watching = watching;
  await watching.prints(/"event":"ready"/);
  for (
    const [args, status] of [
      [["ping", "--socket", socket], EXIT.unavailable],
      [["exec", "-n", "--socket", socket, "true"], EXEC_EXIT.failed],
    ] as const
  ) {
    const { value, ms } = await timed(() => ctl(args));
    assertEquals([value.code, value.stdout], [status, ""]);
    const holder = `in use by kvmmanager-ctl events (process ${watching.pid})`;
    assertStringIncludes(value.stderr, holder);
    assert(ms < 10_000, `${ms} ms`);
  }
  assertMatch((await ctl(["list", "--socket", socket])).stdout, /in use/);
  watching.kill();
  await watching.ended();
  assertEquals((await ctl(["ping", "-c1", "--socket", socket])).code, EXIT.ok);
});

Deno.test("ctl is not held up by the lock of a process that was killed", async () => {
  await using directory = await TempDirectory.make();
  const socket = directory.at("s");
  await using _agent = new ScriptedAgent(socket);
  {
    await using watching = new RunningCtl(["events", "--socket", socket]);
    await watching.prints(/"event":"ready"/);
    watching.kill("SIGKILL");
  }
  assertEquals(await namesIn(directory.path), ["s", "s.lock"]);
  assertEquals((await ctl(["ping", "-c1", "--socket", socket])).code, EXIT.ok);
  assertEquals(await namesIn(directory.path), ["s"]);
});

Deno.test("ctl ends quietly when nobody reads its output any more", async () => {
  await using directory = await TempDirectory.make();
  await using _agent = new ScriptedAgent(directory.at(`vm${SUFFIX}`));
  const words = ctlWords(["top", "--json", "--interval", "0.1", "--channels", directory.path]);
  const script = '{ "$@"; echo "status=$?" >&2; } | head -n 1';
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...words],
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals([success, decode(stderr)], [true, `status=${EXIT.brokenPipe}\n`]);
  assertMatch(decode(stdout), /^\{"time".*\n$/);
});

Deno.test("ctl push reads standard input, and pull writes standard output", async (t) => {
  await using agent = await TestAgent.start();
  const { files, socket } = agent.paths;
  const text = "line\n".repeat(50_000);
  await t.step("push -", async () => {
    const pushed = await ctl(["push", "-q", "-", `${files}/f`, "--socket", socket], text);
    assertEquals(pushed, { code: 0, stdout: "", stderr: "" });
    assertEquals(await Deno.readTextFile(`${files}/f`), text);
  });
  await t.step("pull -", async () => {
    const pulled = await ctl(["pull", `${files}/f`, "-", "--socket", socket]);
    assertEquals([pulled.code, pulled.stderr], [EXIT.ok, ""]);
    assert(pulled.stdout === text);
  });
  await t.step("push - to a directory is refused", async () => {
    const { code, stderr } = await ctl(["push", "-", `${files}/`, "--socket", socket]);
    assertEquals(code, EXIT.usage);
    assertMatch(stderr, /standard input needs the name of a file/);
  });
});

Deno.test("ctl push says how to create a directory that does not exist in the guest", async () => {
  await using agent = await TestAgent.start();
  await using host = await TempDirectory.make();
  const local = await host.file("f", "content");
  const { files, socket } = agent.paths;
  const args = ["push", local, `${files}/new/f`, "--socket", socket];
  const { code, stderr } = await ctl(args);
  assertEquals([code, stderr], [
    EXIT.errorAnswer,
    `kvmmanager-ctl: the directory ${files}/new does not exist in the guest; --create-dirs creates it\n`,
  ]);
  assertEquals((await ctl([...args, "--create-dirs"])).code, EXIT.ok);
});

Deno.test("ctl gives up on a hung agent at its time limit", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("s"));
  agent.answerer = () => undefined;
  const args = ["exec", "-n", "--timeout", "1", "--socket", directory.at("s"), "true"];
  const { value, ms } = await timed(() => ctl(args));
  assertEquals(value.code, EXEC_EXIT.failed);
  assertMatch(value.stderr, /no answer to job_start within 11 s/);
  assert(ms >= 11_000 && ms < 25_000, `${ms} ms`);
});

Deno.test("ctl events prints what happens, one JSON object per line", async () => {
  await using directory = await TempDirectory.make();
  const running = new RunningCtl(["events", "--channels", directory.path]);
  await using _running = running;
  {
    await using agent = new ScriptedAgent(directory.at(`vm${SUFFIX}`));
    await running.prints(/"event":"ready"/);
    await agent.send('{"jsonrpc":"2.0","method":"custom","params":{"text":"\\u001b[2J\\u009b"}}\n');
    await running.prints(/"event":"notification"/);
  }
  await running.prints(/"event":"gone"/);
  running.kill();
  const { code, stdout, stderr } = await running.ended();
  assertEquals([code, stderr], [EXIT.ok, ""]);
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(
    // Whether the lost connection or the removed socket is noticed first is a matter of luck.
    lines.map(({ event }) => event).filter((event) => event !== "unavailable"),
    ["connected", "ready", "notification", "gone"],
  );
  assertEquals(lines[1].version, "1.0.0");
  assertEquals(lines[2].params, { text: "\x1b[2J\x9b" });
  assertEquals(stdout.includes("\x9b"), false);
});

Deno.test("ctl completion offers commands, options and methods", async () => {
  const complete = async (...words: string[]) =>
    (await ctl(["completion", "bash", ...words])).stdout.split("\n").filter((word) => word !== "");
  assert((await complete("sh")).includes("shutdown"));
  assert((await complete("exec", "--t")).includes("--timeout"));
  assert((await complete("call", "file_h")).includes("file_hash"));
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await ctl(["completion", shell]);
    assertEquals(code, EXIT.ok);
    assertStringIncludes(stdout, "kvmmanager-ctl");
  }
});

Deno.test("every command has help with examples", async () => {
  const { stdout } = await ctl(["--help"]);
  const names = [...stdout.matchAll(/^ {2}([a-z][a-z-]*) {2,}\S/gm)].map(([, name]) => name ?? "");
  const files = await namesIn(fromFileUrl(new URL("../../../host/ctl/commands/", import.meta.url)));
  assertEquals(
    names.filter((name) => name !== "completion").sort(),
    // A file whose name starts with an underscore is shared by commands.
    files.filter((file) => !file.startsWith("_"))
      .map((file) => file.replace(/\.ts$/, "").replaceAll("_", "-")).sort(),
  );
  for (const name of names.filter((name) => name !== "completion")) {
    const help = await ctl([name, "--help"]);
    assertEquals([help.code, help.stderr], [EXIT.ok, ""]);
    assertMatch(help.stdout, new RegExp(`Examples:\\n  kvmmanager-ctl ${name}`));
  }
});
