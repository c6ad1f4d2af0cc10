/**
 * `--channel stdio`: standard input and output are a virtio port that the agent was handed.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { TestAgent } from "./_agent.ts";
import { Host, resultOf } from "./_host.ts";
import { bytesRead, cpuMs } from "../_processes.ts";
import { until } from "../_waiting.ts";

/** Named pipes for both directions, and the command that starts an agent on them. */
function onNamedPipes(directory: string): string[] {
  return ["sh", "-c", `exec "$0" "$@" <"${directory}/in" >"${directory}/out"`];
}

async function makePipes(directory: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", {
    args: [`${directory}/in`, `${directory}/out`],
  }).output();
  assert(success, "mkfifo");
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.byteLength > 0;) rest = rest.subarray(await file.write(rest));
}

/** Writes immediately; `FsFile.writable` buffers until it is closed. */
const toFile = (file: Deno.FsFile): WritableStream<Uint8Array> =>
  new WritableStream({
    write: (chunk) => writeAll(file, chunk),
    close: () => file.close(),
  });

/** An agent on named pipes, with the host's ends open. */
async function startOnPipes() {
  const opened = Promise.withResolvers<{ input: Deno.FsFile; output: Deno.FsFile }>();
  const agent = await TestAgent.start({
    channel: "stdio",
    wrapper: ({ directory }) => onNamedPipes(directory),
    prepare: async ({ directory }) => {
      await makePipes(directory);
      // Each side waits for the other to open, in the same order.
      void (async () => {
        const input = await Deno.open(`${directory}/in`, { write: true });
        opened.resolve({ input, output: await Deno.open(`${directory}/out`) });
      })();
    },
  });
  return { agent, ...await opened.promise };
}

Deno.test("requests on standard input are answered on standard output", async () => {
  await using agent = await TestAgent.start({ channel: "stdio" });
  const ready = z.parse(z.looseObject({ method: z.string() }), await agent.stdio.next());
  assertEquals(ready.method, "agent_ready");
  await agent.stdio.ping();
  const result = await agent.stdio.call(
    "exec_command",
    { command: "echo", args: ["hello"] },
    z.looseObject({ stdout: z.string() }),
  );
  assertEquals(result.stdout, "hello\n");
  assertEquals(agent.stdio.received, [], "agent_ready comes once");
});

Deno.test("announce false: the first line is the first reply", async () => {
  await using agent = await TestAgent.start({
    channel: "stdio",
    config: () => ({ announce: false }),
  });
  await agent.stdio.send('{"jsonrpc":"2.0","method":"ping","id":"first"}\n');
  const first = z.parse(z.looseObject({ id: z.unknown() }), await agent.stdio.next());
  assertEquals(first.id, "first");
});

Deno.test("a command cannot reach the channel", async () => {
  await using agent = await TestAgent.start({ channel: "stdio" });
  const { stdio } = agent;
  const script = 'cat; for fd in "/proc/$$/fd/"*; do readlink "$fd"; done';
  const { stdout } = await stdio.call(
    "exec_command",
    { command: "sh", args: ["-c", script] },
    z.looseObject({ stdout: z.string() }),
  );
  const own = stdout.trim().split("\n");
  assert(own.includes("/dev/null"), "its input is empty");
  for (const fd of [0, 1]) {
    const channel = await Deno.readLink(`/proc/${agent.pid}/fd/${fd}`);
    assert(!own.includes(channel), `${channel} among ${stdout}`);
  }
  await stdio.ping();
});

for (
  const [name, logFile] of [
    ["no log file", () => null],
    ["a log file that cannot be opened", (directory: string) => `${directory}/missing/agent.log`],
  ] as const
) {
  Deno.test(`the log never goes to standard output: ${name}, level trace`, async () => {
    await using agent = await TestAgent.start({
      channel: "stdio",
      config: ({ directory }) => ({ log_file: logFile(directory) }),
      args: () => ["--log-level", "trace"],
    });
    const { stdio } = agent;
    await stdio.ping();
    await stdio.request("no_such_method");
    await stdio.ask("not JSON");
    await stdio.request("exec_command", { command: "sh", args: ["-c", "echo err >&2"] });
    agent.kill("SIGHUP");
    await stdio.ping();
    agent.kill("SIGTERM");
    assertEquals((await agent.ended()).code, 0);
    const methods = stdio.received.map((line) => z.parse(z.looseObject({}), line).method);
    assertEquals(methods, ["agent_ready"], "nothing but answers and agent_ready");
  });
}

Deno.test("a host can disconnect and reconnect", async (t) => {
  const { agent, input, output } = await startOnPipes();
  await using _agent = agent;
  const path = `${agent.paths.directory}/in`;
  await using host = new Host({ readable: output.readable, writable: toFile(input), close() {} });
  await host.ping();
  /** The host's end of the input is opened, used and closed again; the output stays open. */
  const visit = async (work: (send: (text: string) => Promise<void>) => Promise<void>) => {
    const file = await Deno.open(path, { write: true });
    await work((text) => writeAll(file, new TextEncoder().encode(text)));
    file.close();
  };
  await host.hangUp();

  await t.step("end of file does not end the agent, and uses no CPU time", async () => {
    const before = await cpuMs(agent.pid);
    const start = performance.now();
    await until(() => performance.now() - start > 2000, "time to pass for the measurement");
    const used = await cpuMs(agent.pid) - before;
    assert(used <= 60, `${used} ms of CPU in 2 s of waiting`);
  });
  await t.step("a request is answered when the host is back", async () => {
    await visit(async (send) => {
      await send('{"jsonrpc":"2.0","method":"ping","id":"back"}\n');
      resultOf(await host.answerTo("back"), z.looseObject({ pong: z.literal(true) }));
    });
  });
  await t.step("half a line that it had sent is forgotten", async () => {
    const half = '{"jsonrpc":"2.0","method":"pi';
    const before = await bytesRead(agent.pid);
    await visit((send) => send(half));
    await until(async () => await bytesRead(agent.pid) >= before + half.length, "it to be read");
    // The agent reads the end of file next; nothing shows when it has.
    const start = performance.now();
    await until(() => performance.now() - start > 50, "the end of file to be read");
    await visit(async (send) => {
      await send('{"jsonrpc":"2.0","method":"ping","id":"whole"}\n');
      resultOf(await host.answerTo("whole"), z.looseObject({ pong: z.literal(true) }));
    });
    const methods = host.received.map((line) => z.parse(z.looseObject({}), line).method);
    assertEquals(new Set(methods), new Set(["agent_ready"]), "greetings, and no error");
  });
  await t.step("work that it started goes on, and the reply is dropped", async () => {
    const done = `${agent.paths.files}/done`;
    const params = { command: "sh", args: ["-c", `sleep 0.3; echo > ${done}`] };
    const work = { jsonrpc: "2.0", method: "exec_command", id: "work", params };
    await visit((send) => send(`${JSON.stringify(work)}\n`));
    await until(async () => (await Deno.lstat(done).catch(() => null)) !== null, "the work");
    await visit(async (send) => {
      await send('{"jsonrpc":"2.0","method":"ping","id":"next"}\n');
      resultOf(await host.answerTo("next"), z.looseObject({ pong: z.literal(true) }));
    });
    assertEquals(JSON.stringify(host.received).includes('"work"'), false);
  });
  await t.step("SIGTERM ends the agent while no host is connected", async () => {
    agent.kill("SIGTERM");
    assertEquals((await agent.ended()).code, 0);
  });
});

Deno.test("a port that fails on write ends the agent", async () => {
  const { agent, input, output } = await startOnPipes();
  await using _agent = agent;
  // No reply will be read again: a pipe without a reader, a port that was unplugged.
  output.close();
  await input.write(new TextEncoder().encode('{"jsonrpc":"2.0","method":"ping","id":1}\n'));
  assertEquals((await agent.ended()).code, 0);
  input.close();
});

Deno.test("the agent waits at the end of a standard input that is not a pipe", async () => {
  await using agent = await TestAgent.start({
    channel: "stdio",
    wrapper: () => ["sh", "-c", 'exec "$0" "$@" </dev/null'],
  });
  await agent.stdio.next();
  // What follows the start takes some time of its own; then it must be idle for a second.
  await until(async () => {
    const before = await cpuMs(agent.pid);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return await cpuMs(agent.pid) - before <= 50;
  }, "a second in which the agent uses at most 50 ms of CPU");
  agent.kill("SIGTERM");
  assertEquals((await agent.ended()).code, 0);
});
