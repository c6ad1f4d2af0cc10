import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { VERSION } from "../../../lib/base/version.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { timed } from "../../_waiting.ts";
import { FakeAgent } from "../_fake_agent.ts";
import { ctl } from "./_ctl.ts";
import { type Outcome } from "../../_deno.ts";

const EXIT = { ok: 0, errorAnswer: 1, unavailable: 2, usage: 64 } as const;

Deno.test("ctl call prints the result and exits with 0", async (t) => {
  await using agent = await TestAgent.start();
  const { socket, files } = agent.paths;
  await t.step("without parameters", async () => {
    const { code, stdout, stderr } = await ctl(["call", "ping", "--socket", socket]);
    assertEquals([code, stderr], [EXIT.ok, ""]);
    assert(z.safeParse(z.looseObject({ pong: z.literal(true) }), JSON.parse(stdout)).success);
  });
  await t.step("with parameters as JSON, options before or after", async () => {
    const params = JSON.stringify({ path: `${files}/f`, content: "from ctl" });
    for (
      const args of [
        ["call", "file_write", params, "--socket", socket],
        ["--socket", socket, "call", "file_write", params],
        ["call", "file_write", `--socket=${socket}`, params],
      ]
    ) {
      const { code, stderr } = await ctl(args);
      assertEquals([code, stderr], [EXIT.ok, ""]);
    }
    assertEquals(await Deno.readTextFile(`${files}/f`), "from ctl");
  });
  await t.step("with - reading them from standard input", async () => {
    const params = JSON.stringify({ path: `${files}/f` });
    const args = ["call", "file_read", "-", "--socket", socket];
    const { code, stdout, stderr } = await ctl(args, `${params}\n`);
    assertEquals([code, stderr], [EXIT.ok, ""]);
    assertStringIncludes(stdout, '"from ctl"');
  });
  await t.step("with empty parameters", async () => {
    const { code } = await ctl(["call", "ping", "{}", "--socket", socket]);
    assertEquals(code, EXIT.ok);
  });
  await t.step("also if the method is a number", async () => {
    const { code, stdout } = await ctl(["call", "17", "--socket", socket]);
    assertEquals(code, EXIT.errorAnswer);
    assertStringIncludes(stdout, "-32601");
  });
});

Deno.test("ctl call prints an error answer on standard output and exits with 1", async (t) => {
  await using agent = await TestAgent.start();
  const { socket } = agent.paths;
  const WireError = z.strictObject({
    code: z.int(),
    message: z.string(),
    data: z.looseObject({ reason: z.string() }),
  });
  for (
    const [name, args, expected] of [
      ["an unknown method", ["nothing"], -32601],
      ["wrong parameters", ["file_read", "{}"], -32602],
      ["parameters that are no object", ["file_read", "17"], -32600],
      ["parameters null", ["file_read", "null"], -32600],
      ["a path outside", ["file_read", '{"path":"/etc/shadow"}'], -32001],
    ] as const
  ) {
    await t.step(name, async () => {
      const { code, stdout, stderr } = await ctl(["call", ...args, "--socket", socket]);
      assertEquals([code, stderr], [EXIT.errorAnswer, ""]);
      assertEquals(z.parse(WireError, JSON.parse(stdout)).code, expected);
    });
  }
});

Deno.test("ctl call exits with 2 and one line if no agent answers", async (t) => {
  const directory = await Deno.makeTempDir();
  const assertNoAgent = (outcome: Outcome, text: RegExp) => {
    assertEquals([outcome.code, outcome.stdout], [EXIT.unavailable, ""], outcome.stderr);
    assertMatch(outcome.stderr, /^kvmmanager-ctl: [^\n]+\n$/);
    assertMatch(outcome.stderr, text);
  };
  try {
    await t.step("no such socket", async () => {
      const socket = `${directory}/none`;
      assertNoAgent(await ctl(["call", "ping", "--socket", socket]), /the socket does not exist/);
    });
    await t.step("nobody serves it", async () => {
      const socket = `${directory}/stale`;
      const listener = Deno.listen({ transport: "unix", path: `${socket}.new` });
      await Deno.rename(`${socket}.new`, socket);
      listener.close();
      assertNoAgent(
        await ctl(["call", "ping", "--socket", socket]),
        /no process serves this socket/,
      );
    });
    await t.step("no answer in time", async () => {
      await using fake = await FakeAgent.start();
      const args = ["call", "ping", "--socket", fake.path, "--timeout", "0.3"];
      const { value, ms } = await timed(() => ctl(args));
      assertNoAgent(value, /no answer to ping within 0\.3 s/);
      assert(ms < 10_000, `${ms} ms`);
    });
    await t.step("the connection ends before the answer", async () => {
      await using fake = await FakeAgent.start();
      const outcome = ctl(["call", "ping", "--socket", fake.path]);
      await fake.requests(1);
      await fake.hangUp();
      assertNoAgent(await outcome, /connection/);
    });
    await t.step("something answers that is not an agent", async () => {
      await using fake = await FakeAgent.start();
      const outcome = ctl(["call", "ping", "--socket", fake.path, "--timeout", "1"]);
      await fake.requests(1);
      await fake.send("HTTP/1.1 400 Bad Request\r\n\r\n");
      assertNoAgent(await outcome, /no answer to ping/);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("ctl call with --timeout 0 waits as long as it takes", async () => {
  await using fake = await FakeAgent.start();
  const outcome = ctl(["call", "ping", "--socket", fake.path, "--timeout", "0"]);
  const [request] = await fake.requests(1);
  assert(request !== undefined);
  await fake.answer(request, { late: true });
  const { code, stdout } = await outcome;
  assertEquals(code, EXIT.ok);
  assertEquals(JSON.parse(stdout), { late: true });
});

Deno.test("ctl answers wrong usage with one line and status 64:", async (t) => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["no command", [], /a command is missing; see kvmmanager-ctl --help/],
    [
      "an unknown command",
      ["cal", "ping"],
      /"cal"; Did you mean `call`\?; see kvmmanager-ctl --help/,
    ],
    ["no method", ["call", "--socket", "/s"], /METHOD is missing/],
    ["no socket", ["call", "ping"], /which VM\? Give --domain NAME or --socket PATH/],
    ["an empty socket", ["call", "ping", "--socket", ""], /--socket`: needs a value/],
    ["a socket given twice", ["call", "ping", "--socket", "/a", "--socket", "/b"], /--socket/],
    [
      "one argument too many",
      ["call", "ping", "{}", "{}", "--socket", "/s"],
      /Unexpected option or argument: "\{\}"/,
    ],
    [
      "an unknown option",
      ["call", "ping", "--sokcet", "/s"],
      /"--sokcet"; Did you mean .*`--socket`/,
    ],
    [
      "parameters that are no JSON",
      ["call", "ping", "{a:1}", "--socket", "/s"],
      /are not valid JSON/,
    ],
    ["empty parameters", ["call", "ping", "", "--socket", "/s"], /are not valid JSON/],
    [
      "a timeout that is no number",
      ["call", "ping", "--socket", "/s", "--timeout", "soon"],
      /--timeout`: must be a number of seconds/,
    ],
    ["the name of another command", ["ping", "info"], /^kvmmanager-ctl: "ping" and "info" cannot/],
    ["the same command twice", ["info", "info"], /argument: "info"; see/],
    ["no program for exec", ["exec"], /the program to run is missing/],
    ["two wildcards", ["list", "--channels", "/a/*/*.sock"], /may have one "\*"/],
    ["a negative timeout", ["call", "ping", "--socket", "/s", "--timeout=-1"], /--timeout/],
    [
      "an empty timeout",
      ["call", "ping", "--socket", "/s", "--timeout="],
      /--timeout`: must be/,
    ],
  ];
  for (const [name, args, text] of cases) {
    await t.step(name, async () => {
      const { code, stdout, stderr } = await ctl(args);
      assertEquals([code, stdout], [EXIT.usage, ""], stderr);
      assertMatch(stderr, /^kvmmanager-ctl: [^\n]+\n$/);
      assertMatch(stderr, text);
    });
  }
  await t.step("no JSON on standard input", async () => {
    const { code, stderr } = await ctl(["call", "ping", "-", "--socket", "/s"], "{'a': 1}");
    assertEquals(code, EXIT.usage, stderr);
    assertMatch(stderr, /^kvmmanager-ctl: [^\n]*are not valid JSON[^\n]*\n$/);
  });
});

Deno.test("the help's examples are one line each, to be copied", async () => {
  for (const args of [["--help"], ["exec", "--help"], ["job", "--help"], ["push", "--help"]]) {
    const { stdout } = await ctl(args);
    const [, examples = ""] = stdout.split("\nExamples:\n");
    const lines = examples.trimEnd().split("\n");
    assert(lines.length > 2, stdout);
    for (const line of lines) assertMatch(line, /^ {2}(kvmmanager-ctl |source <)/);
  }
});

Deno.test("ctl --help and --version print on standard output", async () => {
  const help = await ctl(["--help"]);
  assertEquals([help.code, help.stderr], [EXIT.ok, ""]);
  for (const word of ["call ", "--socket", "--domain", "Exit status", "Examples"]) {
    assertStringIncludes(help.stdout, word);
  }
  assertEquals((await ctl(["call", "--help"])).code, EXIT.ok);
  const version = await ctl(["--version"]);
  assertEquals(version, { code: 0, stdout: `kvmmanager-ctl ${VERSION}\n`, stderr: "" });
});

Deno.test("ctl accepts -h, help and help COMMAND", async () => {
  const help = await ctl(["--help"]);
  for (const args of [["-h"], ["help"]]) assertEquals(await ctl(args), help);
  const ofExec = await ctl(["exec", "--help"]);
  for (const args of [["exec", "-h"], ["help", "exec"]]) assertEquals(await ctl(args), ofExec);
  assertMatch(ofExec.stdout, /unless -t gives\s+the\s+program\s+a\s+terminal/);
  assertMatch(ofExec.stdout, /122\s+output\s+was\s+lost/);
});
