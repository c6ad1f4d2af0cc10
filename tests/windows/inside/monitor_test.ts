import { assert, assertEquals } from "@std/assert";
import { NO_LOG } from "../../../lib/log/logger.ts";
import { Monitor } from "../../../lib/monitor/monitor.ts";
import { CommandServer } from "../../../lib/monitor/server.ts";
import { accountSid, sidText } from "../../../lib/platform/windows/account_sid.ts";
import { sendCommand } from "../../../lib/platform/windows/monitor_client.ts";
import { listenOnPipe, pipeSecurity } from "../../../lib/platform/windows/monitor_pipe.ts";

const optionsFor = (pipe_path: string) => ({ pipe_path, pipe_mode: "0770", pipe_group: null });

/** A pipe is closed once the request that waits has ended, which nobody waits for. */
const CLOSES_LATER = { sanitizeOps: false, sanitizeResources: false };

async function serving(path: string): Promise<CommandServer> {
  const monitor = new Monitor(NO_LOG);
  monitor.register(
    "agent.Echo",
    ({ text }) => ({ Status: 0, StatusMessage: "", Echo: JSON.parse(text).Text }),
  );
  const server = new CommandServer({
    monitor,
    open: () => listenOnPipe(optionsFor(path)),
    limits: { requestTimeoutMs: 5000, handlerTimeoutSeconds: 5, maxConnections: 50 },
    log: NO_LOG,
  });
  await server.start();
  return server;
}

Deno.test({ name: "a command is answered over the pipe", ...CLOSES_LATER }, async () => {
  const path = String.raw`\\.\pipe\kvm-test-answer`;
  const server = await serving(path);
  for (const text of ["hello", "ü 🚀", "x".repeat(20_000)]) {
    const answer = await sendCommand(path, { Name: "agent.Echo", Text: text });
    assertEquals({ ...answer }, { Status: 0, StatusMessage: "", Echo: text });
  }
  await server.close();
});

Deno.test({ name: "many clients are answered at the same time", ...CLOSES_LATER }, async () => {
  const path = String.raw`\\.\pipe\kvm-test-many`;
  const server = await serving(path);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => sendCommand(path, { Name: "agent.Echo", Text: `${n}` })),
  );
  assertEquals(answers.map(({ Echo }) => Echo), Array.from({ length: 20 }, (_, n) => `${n}`));
  await server.close();
});

Deno.test("a client is told that nobody serves the pipe", async () => {
  const { Status, Reason } = await sendCommand(String.raw`\\.\pipe\kvm-no-such`, { Name: "x" });
  assertEquals(Status, 103);
  assert(String(Reason).endsWith("no process serves this pipe"), String(Reason));
});

Deno.test({ name: "closing the listener ends a waiting accept()", ...CLOSES_LATER }, async () => {
  const listener = await listenOnPipe(optionsFor(String.raw`\\.\pipe\kvm-test-close`));
  const accepting = listener.accept();
  listener.close();
  assertEquals(await accepting, undefined);
});

Deno.test("pipeSecurity() lets the group and others in as the mode says, never to create pipes", () => {
  const group = "S-1-5-32-545";
  const always = "D:P(A;;GA;;;SY)(A;;GA;;;BA)";
  assertEquals(pipeSecurity("0700", group), always);
  assertEquals(pipeSecurity("0770", undefined), always);
  assertEquals(pipeSecurity("0740", group), always);
  assertEquals(pipeSecurity("0770", group), `${always}(A;;0x12019b;;;${group})`);
  assertEquals(pipeSecurity("0666", undefined), `${always}(A;;0x12019b;;;AU)`);
});

Deno.test("accountSid() finds an account, and takes a SID as it is", () => {
  assertEquals(accountSid("S-1-5-32-544"), "S-1-5-32-544");
  assertEquals(accountSid("Everyone"), "S-1-1-0");
});

Deno.test("sidText() writes a SID's parts", () => {
  const bytes = new Uint8Array([1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0]);
  assertEquals(sidText(bytes), "S-1-5-32-544");
});
