/**
 * kvmmanager-ctl on a terminal: script(1) provides one, stty(1) shows how it was left.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import { TestAgent } from "../../agent/_agent.ts";
import { until } from "../../_waiting.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { BreakableSocket } from "../_breakable_socket.ts";
import { ScriptedAgent } from "../_scripted_agent.ts";
import { isAlive } from "../../_processes.ts";
import { ctl, ctlWords } from "./_ctl.ts";
import { Terminal } from "./_terminal.ts";

const SUFFIX = ".org.kvmmanager.agent.0";
const ENTER = "\x1b[?1049h";
const LEAVE = "\x1b[?1049l";
const SHOW_CURSOR = "\x1b[?25h";

/** Fails unless all that `top` did to the terminal has been undone. */
function assertRestored(text: string): void {
  const before = /before=(\S+)/.exec(text)?.[1];
  const after = /after=(\S+)/.exec(text)?.[1];
  assert(before !== undefined && before === after, `${before} before, ${after} after`);
  assert(text.lastIndexOf(LEAVE) > text.lastIndexOf(ENTER), "the alternate screen is left");
  assert(text.lastIndexOf(SHOW_CURSOR) > text.lastIndexOf("\x1b[?25l"), "the cursor is back");
}

/** A directory with three VMs. */
class Vms implements AsyncDisposable {
  private constructor(readonly directory: TempDirectory, readonly agents: ScriptedAgent[]) {}

  static async start(): Promise<Vms> {
    const directory = await TempDirectory.make();
    const paths = ["alpha", "beta", "gamma"].map((name) => directory.at(`${name}${SUFFIX}`));
    return new Vms(directory, paths.map((path) => new ScriptedAgent(path)));
  }

  get args(): string[] {
    return ctlWords(["top", "--interval", "0.1", "--channels", this.directory.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.agents) await agent[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}

for (
  const [how, end, status] of [
    ["q", (terminal: Terminal) => terminal.press("q"), 0],
    ["Ctrl-C", (terminal: Terminal) => terminal.press("\x03"), 0],
    ["SIGINT", (terminal: Terminal) => terminal.signal("SIGINT"), 0],
    ["SIGTERM", (terminal: Terminal) => terminal.signal("SIGTERM"), 0],
    ["SIGHUP", (terminal: Terminal) => terminal.signal("SIGHUP"), 0],
    ["SIGQUIT", (terminal: Terminal) => terminal.signal("SIGQUIT"), 0],
  ] as const
) {
  Deno.test(`ctl top restores the terminal after ${how}`, async () => {
    await using vms = await Vms.start();
    await using terminal = new Terminal(vms.args);
    await terminal.shows(/3 VMs: 3 ready/);
    await end(terminal);
    assertEquals(await terminal.ended(), status);
    assertRestored(terminal.text);
  });
}

for (const how of ["thrown", "rejected"]) {
  Deno.test(`an error that is ${how} restores the terminal before it is printed`, async () => {
    const faulty = fromFileUrl(new URL("../top/_faulty.ts", import.meta.url));
    const config = fromFileUrl(new URL("../../../deno.json", import.meta.url));
    const words = [Deno.execPath(), "run", "--quiet", "--no-prompt", `--config=${config}`];
    await using terminal = new Terminal([...words, faulty, how]);
    assertEquals(await terminal.ended(), 1);
    assertRestored(terminal.text);
    assert(terminal.text.indexOf(LEAVE) < terminal.text.indexOf("a fault"), terminal.text);
  });
}

Deno.test("ctl top with wrong usage leaves the terminal alone", async () => {
  await using terminal = new Terminal(ctlWords(["top", "--socket", "/x", "--domain", "y"]));
  assertEquals(await terminal.ended(), 64);
  assert(!terminal.text.includes(ENTER));
});

Deno.test("ctl top shows every VM, sorts, and shows the details of one", async () => {
  await using vms = await Vms.start();
  await using terminal = new Terminal(vms.args);
  await terminal.shows(/alpha +ready +1m 40s +0\.50 +60% +.*91%.* +192\.0\.2\.7 +Testix 1/);
  await terminal.press("r");
  await terminal.shows("NAME▲");
  await terminal.press("l");
  await terminal.shows("LOAD▼");
  await terminal.press("\r");
  await terminal.shows(/socket +\/.*alpha/);
  await terminal.shows("eth0");
  await terminal.press("\x1b");
  terminal.clear();
  await terminal.press("n\x1b[B");
  await terminal.shows("\x1b[7mbeta");
  await terminal.press("q");
  await terminal.ended();
});

Deno.test("ctl top notices removed VMs, and draws without flicker", async () => {
  await using vms = await Vms.start();
  await using terminal = new Terminal(vms.args);
  await terminal.shows(/3 VMs: 3 ready/);
  await vms.agents.pop()?.[Symbol.asyncDispose]();
  await terminal.shows(/2 VMs: 2 ready/);
  await terminal.press("q");
  await terminal.ended();
  // Never cleared between two frames: that is what flickers.
  const frames = terminal.text.slice(terminal.text.indexOf("\x1b[?2026h"));
  assert(!frames.includes("\x1b[2J"));
  assertEquals(frames.split("\x1b[?2026h").length, frames.split("\x1b[?2026l").length);
});

Deno.test("ctl top follows the terminal's size", async () => {
  await using vms = await Vms.start();
  await using terminal = new Terminal(vms.args, { columns: 30, rows: 5 });
  await terminal.shows(/3 VMs/);
  await terminal.press("q");
  await terminal.ended();
  assert(!terminal.text.includes("ADDRESS"));
});

Deno.test("ctl pull draws a progress bar on a terminal, and ends it with a newline", async () => {
  await using agent = await TestAgent.start();
  await using host = await TempDirectory.make();
  await Deno.writeFile(`${agent.paths.files}/f`, new Uint8Array(3_000_000).fill(1));
  const args = ["pull", `${agent.paths.files}/f`, host.path, "--socket", agent.paths.socket];
  await using terminal = new Terminal(ctlWords(args));
  assertEquals(await terminal.ended(), 0);
  assertMatch(terminal.text, /\rf +\[#+ *\] +\d+% /);
  assertMatch(terminal.text, /100% +2\.9 MiB .* done *\r\n/);
  assertMatch(terminal.text, /\/f: 2\.9 MiB in /);
});

/** `shell` or `exec -t` on a terminal. */
const session = (agent: TestAgent, command: string, ...args: string[]) =>
  sessionOn(agent.paths.socket, command, ...args);

const sessionOn = (socket: string, command: string, ...args: string[]) =>
  new Terminal(ctlWords([command, "--socket", socket, ...args]));

function assertSettingsRestored(text: string): void {
  const before = /before=(\S+)/.exec(text)?.[1];
  const after = /after=(\S+)/.exec(text)?.[1];
  assert(before !== undefined && before === after, `${before} before, ${after} after`);
}

Deno.test("ctl shell passes keys, Ctrl-C and the size on, and ends with the shell's status", async () => {
  await using agent = await TestAgent.start();
  await using terminal = session(agent, "shell", "-e", "PS1=> ", "--", "sh");
  await terminal.shows("> ");
  await terminal.press("stty size; echo $TERM\r");
  await terminal.shows("30 100");
  await terminal.shows("xterm-256color");
  await terminal.press("echo begun; sleep 300\r");
  await terminal.shows(/begun\r+\n/);
  await terminal.press("\x03");
  await terminal.shows("^C");
  await terminal.press("echo ümläut; exit 7\r");
  assertEquals(await terminal.ended(), 7);
  assertStringIncludes(terminal.text, "ümläut");
  assertSettingsRestored(terminal.text);
});

Deno.test("ctl shell passes ten thousand keys on at once, and a new size of the terminal", async () => {
  await using agent = await TestAgent.start();
  const path = `${agent.paths.files}/keys`;
  const code = `stty raw -echo; echo ready; head -c 10000 > ${path}; stty sane
    trap 'stty size' WINCH; trap 'exit 7' INT; stty size; while :; do sleep 0.05; done`;
  await using terminal = session(agent, "shell", "--", "sh", "-c", code);
  await terminal.shows("ready");
  const keys = Array.from({ length: 10_000 }, (_, index) => String(index % 10)).join("");
  await terminal.press(keys);
  await terminal.shows("30 100");
  assertEquals(await Deno.readTextFile(path), keys);
  for (const rows of [29, 21, 12]) await terminal.resize(rows, 60);
  // stty changes the rows and the columns in two steps, and each may be seen.
  await terminal.shows("12 60");
  await terminal.press("\x03");
  assertEquals(await terminal.ended(), 7);
});

Deno.test("ctl shell is left with ~., which ends the shell in the guest", async () => {
  await using agent = await TestAgent.start();
  await using terminal = session(agent, "shell", "--", "sh");
  await terminal.press("echo pid $$\r");
  await terminal.shows(/pid (\d+)/);
  const pid = Number(/pid (\d+)/.exec(terminal.text)?.[1]);
  await terminal.press("~.");
  assertEquals(await terminal.ended(), 125);
  assertSettingsRestored(terminal.text);
  await until(async () => !await isAlive(pid), "the shell's end");
  await using client = await agent.client();
  assertEquals(await client.call("job_list"), { jobs: [] });
});

Deno.test("ctl shell restores the terminal when it is ended by a signal", async () => {
  await using agent = await TestAgent.start();
  await using terminal = session(agent, "shell", "--", "sh", "-c", "echo ready; sleep 300");
  await terminal.shows("ready");
  await terminal.signal("SIGTERM");
  assertEquals(await terminal.ended(), 130);
  assertSettingsRestored(terminal.text);
});

Deno.test("ctl shell goes on after the connection to the guest was lost", async () => {
  await using agent = await TestAgent.start();
  await using directory = await TempDirectory.make();
  const socket = new BreakableSocket(`${directory.path}/vm1${SUFFIX}`, agent.paths.socket);
  await using _socket = socket;
  await using terminal = sessionOn(socket.path, "shell", "-e", "PS1=> ", "--", "sh");
  await terminal.shows("> ");
  await terminal.press("echo pid $$\r");
  await terminal.shows(/pid (\d+)/);
  const pid = /pid (\d+)/.exec(terminal.text)?.[1];
  socket.break();
  await until(() => socket.connected >= 2, "another connection");
  await terminal.press("echo still $$\r");
  await terminal.shows(`still ${pid}`);
  await terminal.press("exit 3\r");
  assertEquals(await terminal.ended(), 3);
  assertSettingsRestored(terminal.text);
});

Deno.test("ctl exec -t refuses to run without a terminal", async () => {
  await using agent = await TestAgent.start();
  const { code, stderr } = await ctl(["exec", "-t", "--socket", agent.paths.socket, "true"]);
  assertEquals(code, 64);
  assertMatch(stderr, /must be a terminal/);
});

Deno.test("a megabyte and a full-screen program arrive whole through ctl exec -t", async () => {
  await using agent = await TestAgent.start();
  const code = "seq -f %07g 0 131071; printf '\\033[?1049hscreen\\033[?1049l'";
  await using terminal = session(agent, "exec", "-t", "--", "sh", "-c", code);
  assertEquals(await terminal.ended(), 0);
  const numbers = terminal.text.match(/^\d{7}(?=\r)/gm) ?? [];
  assertEquals(numbers.length, 131_072);
  assert(numbers.every((number, index) => Number(number) === index));
  assertStringIncludes(terminal.text, "\x1b[?1049hscreen\x1b[?1049l");
});
