import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { RpcError } from "../../../../../lib/base/errors.ts";
import { startOperation } from "../../../../../lib/platform/linux/privileged/started_operation.ts";
import type { BrokerAnswer } from "../../../../../lib/privileged/messages.ts";
import { lineOf, parseRequest } from "../../../../../lib/privileged/messages.ts";
import { COMMAND_FAILED, NOT_FOUND } from "../../../../_error_codes.ts";
import { NEVER, rpcErrorOf } from "../../../_helpers.ts";
import { Brokers, isRoot } from "./_brokers.ts";

/** A broker whose messages the test sends. */
class ScriptedBroker {
  readonly asked: string[] = [];
  isClosed = false;
  readonly #stream = new TransformStream<Uint8Array, Uint8Array>();
  readonly #writer = this.#stream.writable.getWriter();
  readonly #reader = this.#stream.readable.getReader();

  read = async (buffer: Uint8Array): Promise<number | null> => {
    const { value } = await this.#reader.read();
    if (value === undefined) return null;
    buffer.set(value);
    return value.byteLength;
  };

  write = (bytes: Uint8Array): Promise<number> => {
    this.asked.push(parseRequest(new TextDecoder().decode(bytes))?.operation ?? "nonsense");
    return Promise.resolve(bytes.byteLength);
  };

  close = async (): Promise<void> => {
    this.isClosed = true;
    await this.#writer.close().catch(() => {});
  };

  say(...messages: readonly BrokerAnswer[]): void {
    for (const message of messages) void this.#writer.write(lineOf(message)).catch(() => {});
  }

  end(): void {
    void this.#writer.close().catch(() => {});
  }
}

const STARTED: BrokerAnswer = { started: { pid: 42 } };
const output = (text: string): BrokerAnswer => ({
  stream: "stdout",
  base64: new TextEncoder().encode(text).toBase64(),
});

/** Starts an operation at a broker that has said these messages. */
async function start(
  messages: readonly BrokerAnswer[],
  limits: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
) {
  const broker = new ScriptedBroker();
  broker.say(...messages);
  const printed: string[] = [];
  const command = await startOperation(broker, "package_upgrade", {}, {
    timeoutMs: 60_000,
    signal: NEVER,
    ...limits,
    onOutput: (stream, bytes) => {
      printed.push(`${stream} ${new TextDecoder().decode(bytes)}`);
      return Promise.resolve();
    },
  });
  return { broker, command, printed };
}

const BY_ITSELF = { signal: null, endedBy: "itself", isStuck: false } as const;

Deno.test("output and exit status of an operation arrive, over all its programs", async () => {
  const { broker, command, printed } = await start([
    STARTED,
    output("one\n"),
    STARTED,
    output("two\n"),
    { result: { exit_code: 100 } },
  ]);
  assertEquals(command.pid, 42);
  assertEquals(await command.ended, { ...BY_ITSELF, code: 100 });
  assertEquals(printed, ["stdout one\n", "stdout two\n"]);
  assertEquals([broker.asked, broker.isClosed], [["package_upgrade"], true]);
});

Deno.test("an operation that is refused before its program runs is an error", async () => {
  const refusal: BrokerAnswer = { error: { kind: "notFound", reason: "none", details: {} } };
  assertEquals((await rpcErrorOf(() => start([refusal]))).code, NOT_FOUND);
  assertEquals((await rpcErrorOf(() => start([{ result: {} }]))).code, COMMAND_FAILED);
});

Deno.test("a failure after the start, and a broker that is killed, are told in the output", async () => {
  const failing = await start([
    STARTED,
    { error: { kind: "commandFailed", reason: "it broke", details: {} } },
  ]);
  assertEquals((await failing.command.ended).code, 1);
  assertEquals(failing.printed, ["stderr kvmmanager-agent: it broke\n"]);
  const killed = await start([STARTED]);
  killed.broker.end();
  assertEquals((await killed.command.ended).code, 1);
  assertMatch(killed.printed.join(), /the broker ended before package_upgrade did/);
});

Deno.test("a signal that ends programs stops it once; others are refused", async () => {
  const { broker, command } = await start([STARTED]);
  const refused = await assertRejects(() => command.signal("SIGUSR1"), RpcError);
  assertEquals(refused.code, COMMAND_FAILED);
  await command.signal("SIGTERM");
  await command.signal("SIGKILL");
  assertEquals(broker.asked, ["package_upgrade", "cancel"]);
  broker.say({ error: { kind: "commandFailed", reason: "cancelled", details: {} } });
  assertEquals((await command.ended).code, 130);
});

Deno.test("it is stopped when its time is over, and left alone when the agent ends", async () => {
  const late = await start([STARTED], { timeoutMs: 1 });
  const stopping = new AbortController();
  const left = await start([STARTED], { signal: stopping.signal });
  stopping.abort();
  assertEquals((await left.command.ended).endedBy, "cancellation");
  assertEquals([left.broker.asked, left.printed], [["package_upgrade"], []]);
  while (late.broker.asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  late.broker.say({ result: { exit_code: 0 } });
  assertEquals((await late.command.ended).endedBy, "timeout");
});

Deno.test({
  name: "a real broker runs the real package manager and passes on what it says",
  ignore: !isRoot,
  fn: async () => {
    await using brokers = await Brokers.start({ allow: ["packages"] });
    let printed = "";
    const params = { packages: ["no-such-package-here"], refresh: false };
    const command = await brokers.client.start("package_install", params, {
      timeoutMs: 60_000,
      signal: NEVER,
      onOutput: (_stream, bytes) => {
        printed += new TextDecoder().decode(bytes);
        return Promise.resolve();
      },
    });
    assertEquals((await command.ended).code, 100, printed);
    assertMatch(printed, /Unable to locate package no-such-package-here|Could not get lock/);
  },
});
