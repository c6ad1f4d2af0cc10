/**
 * `--channel listen:PATH`: a unix socket that behaves like QEMU's.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import * as z from "zod";
import { configuration, makePaths, type Paths, runAgent, TestAgent } from "./_agent.ts";
import { Host, type Message, resultOf } from "./_host.ts";
import { until } from "../_waiting.ts";

const EXIT_UNAVAILABLE = 69;
const READY = {
  jsonrpc: "2.0",
  method: "agent_ready",
  params: { version: "1.0.0", platform: "linux" },
};

/** Runs an agent on a socket that it is expected to refuse. */
async function runOn(paths: Paths, socket: string) {
  await Deno.writeTextFile(paths.configFile, JSON.stringify(configuration(paths)));
  return await runAgent(["--channel", `listen:${socket}`, "--config", paths.configFile]);
}

Deno.test("only its owner can read and write the socket", async () => {
  await using agent = await TestAgent.start();
  const { mode, isSocket } = await Deno.stat(agent.paths.socket);
  assert(isSocket);
  assertEquals((mode ?? 0) & 0o777, 0o600);
});

Deno.test("agent_ready comes once and first on each connection", async () => {
  await using agent = await TestAgent.start();
  for (let round = 0; round < 3; round++) {
    await using host = await agent.connect();
    assertEquals(await host.next(), READY);
    await host.ping();
    await host.ping();
    assertEquals(host.received, []);
  }
});

Deno.test("with announce: false the agent sends nothing unsolicited", async () => {
  await using agent = await TestAgent.start({ config: () => ({ announce: false }) });
  for (let round = 0; round < 2; round++) {
    await using host = await agent.connect();
    await host.send('{"jsonrpc":"2.0","method":"ping","id":"first"}\n');
    const first = z.parse(z.looseObject({ id: z.unknown() }), await host.next());
    assertEquals(first.id, "first");
    assertEquals(host.received, []);
  }
});

Deno.test("a second connection waits its turn and does not disturb the first", async () => {
  await using agent = await TestAgent.start();
  await using first = await agent.connect();
  await first.ping();
  await using second = await agent.connect();
  const id = await second.start("ping");
  for (let count = 0; count < 50; count++) await first.ping();
  assertEquals(second.received, [], "nothing for the second while the first is served");
  await first.close();
  assertEquals(await second.next(), READY);
  resultOf(await second.answerTo(id), z.looseObject({ pong: z.literal(true) }));
});

Deno.test("a second connection that gives up while it waits disturbs nothing", async () => {
  await using agent = await TestAgent.start();
  await using first = await agent.connect();
  for (let round = 0; round < 5; round++) {
    await using impatient = await agent.connect();
    await impatient.send('{"jsonrpc":"2.0","method":"ping","id":1}\n{"half');
  }
  await first.ping();
  await first.close();
  await using next = await agent.connect();
  await next.ping();
});

Deno.test("half a line from a host that vanished does not reach the next host", async () => {
  await using agent = await TestAgent.start();
  for (const half of ['{"jsonrpc":"2.0","method":"pi', "x".repeat(200_000), "\xc3"]) {
    {
      await using host = await agent.connect();
      await host.send(half);
    }
    await using next = await agent.connect();
    assertEquals(await next.next(), READY);
    await next.ping();
    assertEquals(next.received, []);
  }
});

Deno.test("after a host that vanished in the middle of a reply, the next gets only its own replies", async () => {
  await using agent = await TestAgent.start({
    prepare: ({ files }) => Deno.writeTextFile(`${files}/large`, "x".repeat(50_000)),
  });
  const path = `${agent.paths.files}/large`;
  for (let round = 0; round < 5; round++) {
    {
      using connection = await Deno.connect({ transport: "unix", path: agent.paths.socket });
      const request = (id: number) =>
        `${JSON.stringify({ jsonrpc: "2.0", method: "file_read", params: { path }, id })}\n`;
      const lines = Array.from({ length: 9 }, (_, id) => request(id)).join("");
      await connection.write(new TextEncoder().encode(lines));
      // It reads part of the first reply and disconnects: far more is queued than the buffer holds.
      const buffer = new Uint8Array(1000);
      while (!new TextDecoder().decode(buffer).includes("xxx")) await connection.read(buffer);
    }
    await using next = await agent.connect();
    assertEquals(await next.next(), READY);
    await next.ping();
    assertEquals(next.received, []);
  }
});

Deno.test("a command continues if its host vanishes, and its reply reaches no other host", async () => {
  await using agent = await TestAgent.start();
  const { files } = agent.paths;
  {
    await using host = await agent.connect();
    const script = 'touch "$0/begun"; until [ -e "$0/go" ]; do sleep 0.02; done; touch "$0/done"';
    await host.start("exec_command", { command: "sh", args: ["-c", script, files] });
    await until(() => exists(`${files}/begun`), "the command to begin");
  }
  await using next = await agent.connect();
  assertEquals(await next.next(), READY);
  await Deno.writeTextFile(`${files}/go`, "");
  await until(() => exists(`${files}/done`), "the command's end");
  await agent.logged((line) => line.method === "exec_command", "the command's outcome");
  await next.ping();
  assertEquals(next.received, []);
});

Deno.test("a host that closes its half of the connection still gets its replies", async () => {
  await using agent = await TestAgent.start();
  const connection = await Deno.connect({ transport: "unix", path: agent.paths.socket });
  await using host = new Host(connection);
  const id = await host.start("exec_command", { command: "sleep", args: ["0.2"] });
  await connection.closeWrite();
  resultOf(await host.answerTo(id), z.looseObject({ exit_code: z.literal(0) }));
  await until(() => host.hasEnded, "the agent to close the connection");
});

Deno.test("the agent stops reading from a host that does not read its replies", async () => {
  await using agent = await TestAgent.start({
    prepare: ({ files }) => Deno.writeTextFile(`${files}/large`, "x".repeat(50_000)),
  });
  const path = `${agent.paths.files}/large`;
  using connection = await Deno.connect({ transport: "unix", path: agent.paths.socket });
  const total = 100;
  let sent = 0;
  const sending = (async () => {
    for (; sent < total; sent++) {
      const request = { jsonrpc: "2.0", method: "file_read", params: { path }, id: sent };
      let rest = new TextEncoder().encode(`${JSON.stringify(request)}\n`);
      while (rest.byteLength > 0) rest = rest.subarray(await connection.write(rest));
    }
  })();
  // 100 replies of 50 kB are far more than the buffers hold.
  await agent.logged((line) => line.method === "file_read", "the first answer");
  const decoder = new TextDecoder();
  const ids = new Set<unknown>();
  let text = "";
  for await (const chunk of connection.readable) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const answer: Message = JSON.parse(line);
      if ("method" in answer) continue;
      resultOf(answer, z.looseObject({ size_bytes: z.literal(50_000) }));
      ids.add(answer.id);
    }
    if (ids.size === total) break;
  }
  await sending;
  assertEquals(ids.size, total);
});

Deno.test("SIGTERM ends an agent whose host does not read its replies", async () => {
  await using agent = await TestAgent.start({
    prepare: ({ files }) => Deno.writeTextFile(`${files}/large`, "x".repeat(50_000)),
  });
  const path = `${agent.paths.files}/large`;
  using connection = await Deno.connect({ transport: "unix", path: agent.paths.socket });
  const lines = Array.from(
    { length: 50 },
    (_, id) => `${JSON.stringify({ jsonrpc: "2.0", method: "file_read", params: { path }, id })}\n`,
  );
  await connection.write(new TextEncoder().encode(lines.join("")));
  await agent.logged((line) => line.method === "file_read", "the first answer");
  agent.kill("SIGTERM");
  assertEquals((await agent.ended(12_000)).code, 0);
});

Deno.test("an unused socket file is replaced", async () => {
  await using agent = await TestAgent.start({
    prepare: async ({ socket }) => {
      // Closing a listener removes the file at its path, so the file is moved first.
      const listener = Deno.listen({ transport: "unix", path: `${socket}.new` });
      await Deno.rename(`${socket}.new`, socket);
      listener.close();
      assert((await Deno.lstat(socket)).isSocket, "a socket file left behind");
    },
  });
  await using host = await agent.connect();
  await host.ping();
});

Deno.test("the socket file of a killed agent is replaced", async () => {
  const killed = await TestAgent.start();
  const { paths } = killed;
  killed.kill("SIGKILL");
  await killed.ended();
  assert((await Deno.lstat(paths.socket)).isSocket, "a socket file left behind");
  await using agent = await TestAgent.start({ paths });
  await using host = await agent.connect();
  await host.ping();
});

Deno.test("a socket served by another agent is refused with status 69, and that agent keeps running", async () => {
  await using agent = await TestAgent.start();
  await using host = await agent.connect();
  await host.ping();
  const { code, stdout, stderr } = await runOn(agent.paths, agent.paths.socket);
  assertEquals(code, EXIT_UNAVAILABLE, stderr);
  assertEquals(stdout, "");
  assertMatch(errorLine(stderr), /^kvmmanager-agent: .*agent\.sock is served by another process/);
  assert((await Deno.lstat(agent.paths.socket)).isSocket);
  await host.ping();
  await host.close();
  await using next = await agent.connect();
  await next.ping();
});

Deno.test("a file that is not a socket is left alone, with status 69", async (t) => {
  const paths = await makePaths();
  const cases: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ["a regular file", (path) => Deno.writeTextFile(path, "precious")],
    ["a directory", (path) => Deno.mkdir(path)],
    ["a link to a file", async (path) => {
      await Deno.writeTextFile(`${paths.directory}/precious`, "precious");
      await Deno.symlink(`${paths.directory}/precious`, path);
    }],
    ["a link to nothing", (path) => Deno.symlink(`${paths.directory}/nothing`, path)],
  ];
  try {
    for (const [name, make] of cases) {
      await t.step(name, async () => {
        const path = `${paths.directory}/${name.replaceAll(" ", "-")}`;
        await make(path);
        const before = await Deno.lstat(path);
        const { code, stderr } = await runOn(paths, path);
        assertEquals(code, EXIT_UNAVAILABLE, stderr);
        assertMatch(
          errorLine(stderr),
          /^kvmmanager-agent: .* is not a socket; remove it or choose another path$/,
        );
        const after = await Deno.lstat(path);
        assertEquals([after.ino, after.mtime, after.size], [before.ino, before.mtime, before.size]);
      });
    }
    assertEquals(await Deno.readTextFile(`${paths.directory}/precious`), "precious");
    await assertRejects(() => Deno.lstat(`${paths.directory}/nothing`), Deno.errors.NotFound);
  } finally {
    await Deno.remove(paths.directory, { recursive: true });
  }
});

Deno.test("a socket in a directory that does not exist: one line, status 69", async () => {
  const paths = await makePaths();
  try {
    const { code, stderr } = await runOn(paths, `${paths.directory}/missing/agent.sock`);
    assertEquals(code, EXIT_UNAVAILABLE, stderr);
    assertMatch(errorLine(stderr), /^kvmmanager-agent: cannot listen on .*missing\/agent\.sock/);
  } finally {
    await Deno.remove(paths.directory, { recursive: true });
  }
});

Deno.test("a path too long for a socket: one line, status 69", async () => {
  const paths = await makePaths();
  try {
    const { code, stderr } = await runOn(paths, `${paths.directory}/${"x".repeat(150)}`);
    assertEquals(code, EXIT_UNAVAILABLE, stderr);
    assertMatch(errorLine(stderr), /^kvmmanager-agent: cannot listen on /);
  } finally {
    await Deno.remove(paths.directory, { recursive: true });
  }
});

Deno.test("the agent removes its socket file when it exits", async () => {
  await using agent = await TestAgent.start();
  const { socket } = agent.paths;
  await using host = await agent.connect();
  await host.ping();
  agent.kill("SIGTERM");
  assertEquals((await agent.ended()).code, 0);
  assert(!await exists(socket), "no socket file left behind");
});

/** The one line for a person, among the lines of the log. */
function errorLine(stderr: string): string {
  const lines = stderr.trimEnd().split("\n").filter((line) => !line.startsWith("{"));
  assertEquals(lines.length, 1, stderr);
  return lines[0] ?? "";
}

const exists = (path: string) => Deno.lstat(path).then(() => true, () => false);
