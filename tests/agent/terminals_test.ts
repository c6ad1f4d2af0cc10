/**
 * Jobs in a terminal: size, keys, job control and full-screen programs.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { survivors } from "../_processes.ts";
import { until } from "../_waiting.ts";
import { TestAgent } from "./_agent.ts";
import type { Host } from "./_host.ts";
import { readAll, readJob, script, startJob, statusOf } from "./_jobs.ts";

const SIZE = { rows: 24, cols: 80 };

const isInstalled = (path: string) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
};
const HAS_TERMINALS = isInstalled("/usr/bin/script");

/** A terminal as a test uses it: keys, and what is on the screen so far. */
class Terminal {
  screen = "";
  #cursor: string | undefined;

  constructor(readonly host: Host, readonly job_id: string) {}

  async type(data: string): Promise<void> {
    await this.host.call("job_write", { job_id: this.job_id, data, wait_seconds: 10 }, z.unknown());
  }

  async resize(rows: number, cols: number): Promise<void> {
    await this.host.call("job_resize", { job_id: this.job_id, rows, cols }, z.unknown());
  }

  /** Reads until the screen has the text, from `from` on. */
  async shows(text: string | RegExp, from = 0): Promise<void> {
    const fits = () => {
      const seen = this.screen.slice(from);
      return typeof text === "string" ? seen.includes(text) : text.test(seen);
    };
    await until(
      async () => fits() || await this.#read(),
      () => `${text} in ${JSON.stringify(this.screen.slice(-1000))}`,
    );
    assert(fits(), `${text} in ${JSON.stringify(this.screen.slice(-1000))}`);
  }

  /** Returns whether the job has ended. */
  async #read(): Promise<boolean> {
    const params = { job_id: this.job_id, cursor: this.#cursor, wait_seconds: 1 };
    const { output, cursor, eof } = await readJob(this.host, params);
    this.screen += output.map(({ data }) => data).join("");
    this.#cursor = cursor;
    return eof;
  }
}

const terminalTest = (name: string, test: (host: Host, agent: TestAgent) => Promise<void>) =>
  Deno.test({
    name,
    ignore: !HAS_TERMINALS,
    fn: async () => {
      await using agent = await TestAgent.start();
      await using host = await agent.connect();
      await test(host, agent);
    },
  });

terminalTest("a program in a terminal sees it, with its size and type", async (host) => {
  const code = "test -t 0 && test -t 1 && test -t 2 && stty size; echo $TERM ${SHELL-none}; exit 7";
  await startJob(host, script("size", code, { tty: { rows: 33, cols: 101 } }));
  const { text, end } = await readAll(host, { job_id: "size" });
  assertEquals(text, { stdout: "", stderr: "", tty: "33 101\r\nxterm-256color none\r\n" });
  assertEquals([end.exit_code, end.ended_by], [7, "itself"]);
  await startJob(host, {
    job_id: "words",
    command: "printf",
    args: ["%s|", "it's", '"$HOME"', "a\nb", "ü €", ""],
    env: { TERM: "vt100", SHELL: "/bin/it's" },
    tty: SIZE,
  });
  const words = await readAll(host, { job_id: "words" });
  assertEquals(words.text.tty, `it's|"$HOME"|a\r\nb|ü €||`);
});

terminalTest("Ctrl-C ends the program in front, and the shell goes on", async (host) => {
  await startJob(host, {
    job_id: "shell",
    command: "bash",
    args: ["--norc", "-i"],
    tty: SIZE,
    env: { PS1: "> " },
  });
  const terminal = new Terminal(host, "shell");
  // Earlier, Ctrl-C would end the shell itself.
  await terminal.shows("> ");
  const command = `sleep 300.${crypto.getRandomValues(new Uint32Array(1)).join()}`;
  await terminal.type(`${command}\n`);
  await until(async () => {
    const { stdout } = await new Deno.Command("ps", { args: ["-eo", "stat=,args="] }).output();
    return new TextDecoder().decode(stdout).split("\n")
      .some((line) => line.endsWith(command) && /^\S*\+/.test(line));
  }, `${command} in front`);
  await terminal.type("\x03");
  await terminal.shows("^C");
  await terminal.type("echo status $?, ümläut\n");
  await terminal.shows("status 130, ümläut");
  await terminal.type("sleep 300 & jobs\n");
  await terminal.shows(/\[1\].*Running/);
  await terminal.type("kill %1; exit 5\n");
  assertEquals((await statusOf(host, "shell", 10)).exit_code, 5);
});

terminalTest("a resize reaches the program as SIGWINCH", async (host) => {
  await startJob(
    host,
    script("winch", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done", {
      tty: SIZE,
    }),
  );
  const terminal = new Terminal(host, "winch");
  await terminal.shows("ready");
  await terminal.resize(50, 132);
  await terminal.shows("50 132");
  await terminal.resize(10, 20);
  await terminal.shows("10 20");
});

terminalTest("sizes that are sent at once are set in their order", async (host) => {
  const code = "stty -echo; echo ready; while read line; do stty size; done";
  await startJob(host, script("sizes", code, { tty: SIZE }));
  const terminal = new Terminal(host, "sizes");
  await terminal.shows("ready");
  for (let round = 0; round < 80; round++) {
    const sizes = Array.from({ length: 3 }, (_, index) => [60 - index, 90 + index + round]);
    await Promise.all(sizes.map(([rows = 0, cols = 0]) => terminal.resize(rows, cols)));
    const before = terminal.screen.length;
    await terminal.type("\n");
    await terminal.shows(/\n/, before);
    assertEquals(terminal.screen.slice(before), `${sizes.at(-1)?.join(" ")}\r\n`);
  }
});

terminalTest("ten thousand keys arrive, each once", async (host) => {
  await startJob(
    host,
    script("keys", "stty raw -echo; echo ready; head -c 10000 | md5sum", { tty: SIZE }),
  );
  const terminal = new Terminal(host, "keys");
  await terminal.shows("ready");
  const keys = Array.from({ length: 10_000 }, (_, index) => String(index % 10));
  for (let at = 0; at < keys.length; at += 50) {
    await Promise.all(
      keys.slice(at, at + 50).map((data, index) =>
        host.call(
          "job_write",
          { job_id: "keys", data, offset: at + index, wait_seconds: 10 },
          z.unknown(),
        )
      ),
    );
  }
  const sum = await new Deno.Command("sh", {
    args: ["-c", `printf %s ${keys.join("")} | md5sum`],
  }).output();
  await terminal.shows(new TextDecoder().decode(sum.stdout).slice(0, 32));
});

terminalTest("a megabyte arrives whole", async (host) => {
  await startJob(host, script("megabyte", "stty -onlcr; seq -f %07g 0 131071", { tty: SIZE }));
  const { text, lost } = await readAll(host, { job_id: "megabyte", encoding: "base64" });
  assertEquals([lost, text.tty.length], [0, 1024 * 1024]);
  assert(text.tty.split("\n").slice(0, -1).every((line, index) => Number(line) === index));
});

terminalTest("a terminal's programs end with the agent's grace, not earlier", async (host) => {
  await startJob(
    host,
    script("stubborn", "trap '' HUP TERM INT; echo pid $$; sleep 300 & echo $!; wait", {
      tty: SIZE,
      timeout_seconds: 2,
    }),
  );
  const { text, end } = await readAll(host, { job_id: "stubborn" });
  assertEquals(end.ended_by, "timeout");
  const pids = [...text.tty.matchAll(/\d+/g)].map(Number);
  assertEquals(pids.length, 2);
  assertEquals(await survivors(pids), []);
});

terminalTest("a signal reaches the program in the terminal", async (host) => {
  await startJob(
    host,
    script("usr1", "trap 'echo got it; exit 4' USR1; echo ready; while :; do sleep 0.05; done", {
      tty: SIZE,
    }),
  );
  const terminal = new Terminal(host, "usr1");
  await terminal.shows("ready");
  await host.call("job_signal", { job_id: "usr1", signal: "SIGUSR1" }, z.unknown());
  await terminal.shows("got it");
  assertEquals((await statusOf(host, "usr1", 10)).exit_code, 4);
});

terminalTest("the end of the input is the end-of-file character", async (host) => {
  await startJob(host, { job_id: "cat", command: "cat", tty: SIZE, input: "text\n" });
  await host.call("job_write", { job_id: "cat", end: true }, z.unknown());
  const { text, end } = await readAll(host, { job_id: "cat" });
  assertMatch(text.tty, /text\r\n.*text\r\n/s);
  assertEquals(end.exit_code, 0);
});

Deno.test({
  name: "vim writes a file",
  ignore: !HAS_TERMINALS || !isInstalled("/usr/bin/vim"),
  fn: async () => {
    await using agent = await TestAgent.start();
    await using host = await agent.connect();
    const path = `${agent.paths.files}/written.txt`;
    await startJob(host, {
      job_id: "vim",
      command: "vim",
      args: ["-u", "NONE", "-i", "NONE", "-n", path],
      tty: SIZE,
    });
    const terminal = new Terminal(host, "vim");
    await terminal.shows("written.txt");
    await terminal.type("ihello from vim");
    await terminal.type("\x1b");
    await terminal.type(":wq\r");
    assertEquals((await statusOf(host, "vim", 20)).exit_code, 0);
    assertEquals(await Deno.readTextFile(path), "hello from vim\n");
  },
});

Deno.test({
  name: "top redraws after a resize",
  ignore: !HAS_TERMINALS || !isInstalled("/usr/bin/top"),
  fn: async () => {
    await using agent = await TestAgent.start();
    await using host = await agent.connect();
    await startJob(host, { job_id: "top", command: "top", args: ["-d", "60"], tty: SIZE });
    const terminal = new Terminal(host, "top");
    await terminal.shows("PID");
    const before = terminal.screen.length;
    await terminal.resize(12, 60);
    await terminal.shows("PID", before);
    await terminal.type("q");
    assertEquals((await statusOf(host, "top", 20)).exit_code, 0);
  },
});

terminalTest("the agent tells that it has terminals", async (host) => {
  const Info = z.looseObject({ capabilities: z.array(z.string()) });
  const { capabilities } = await host.call("get_agent_info", {}, Info);
  assertStringIncludes(capabilities.join(), "terminal");
});
