import { assertEquals, assertStringIncludes } from "@std/assert";
import { BrokerClient } from "../../../../../lib/platform/linux/privileged/broker_client.ts";
import {
  brokerChild,
  brokerSocket,
} from "../../../../../lib/platform/linux/privileged/broker_link.ts";
import { commandFailed } from "../../../../../lib/base/errors.ts";
import { COMMAND_FAILED, TIMEOUT } from "../../../../_error_codes.ts";
import { NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";
import { timedOut } from "../../../../../lib/base/errors.ts";

/** A broker that is a shell script. */
const script = (code: string) => new BrokerClient(brokerChild(["/bin/sh", "-c", code]));
const ask = (client: BrokerClient, signal = NEVER) => client.perform("fs_trim", {}, signal);

Deno.test("a result of the broker is returned as it is", async () => {
  const client = script(`read -r request; echo '{"result":{"a":[1]}}'`);
  assertEquals(await ask(client), { a: [1] });
});

Deno.test("the broker gets the operation, its parameters and the time", async () => {
  const client = script(`read -r request; printf '{"result":%s}\\n' "$request"`);
  const before = Date.now();
  const { sent_at_ms, ...rest } = Object(await client.perform("x", { a: "é\n" }, NEVER));
  assertEquals(rest, { operation: "x", params: { a: "é\n" } });
  assertEquals(sent_at_ms >= before && sent_at_ms <= Date.now(), true);
});

Deno.test("an error of the broker keeps its code, reason and details", async () => {
  const client = script(
    `read -r request; echo '{"error":{"kind":"timeout","reason":"slow","details":{"program":"x"}}}'`,
  );
  const error = await rpcErrorOf(() => ask(client));
  assertEquals([error.code, error.data], [TIMEOUT, { reason: "slow", program: "x" }]);
});

for (
  const [what, code, reason] of [
    ["ends without an answer", "exit 1", "ended without an answer"],
    ["is killed", "read -r request; kill -KILL $$", "ended without an answer"],
    ["answers half a line", `read -r request; printf '{"result":'`, "ended without an answer"],
    ["answers garbage", "read -r request; echo garbage", "makes no sense"],
    ["answers something else", `read -r request; echo '{"results":1}'`, "makes no sense"],
    ["answers without end", "yes x | tr -d '\\n'", "more than"],
    ["answers bytes that are not UTF-8", "read -r request; printf '\\377\\n'", "failed"],
  ] as const
) {
  Deno.test(`a broker that ${what} is -32000`, async () => {
    const error = await rpcErrorOf(() => ask(script(code)));
    assertEquals(error.code, COMMAND_FAILED);
    assertStringIncludes(error.message, reason);
  });
}

Deno.test("a broker that is slow is given up when the call is, and learns it", async () => {
  await using directory = await TempDirectory.make();
  const pipe = directory.at("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const client = script(`read -r request; read -r more; echo "told to end" >'${pipe}'`);
  const giving = new AbortController();
  const call = rpcErrorOf(() => ask(client, giving.signal));
  giving.abort(timedOut("too slow"));
  assertEquals((await call).message, "too slow");
  assertEquals(await Deno.readTextFile(pipe), "told to end\n");
});

Deno.test("a call that was cancelled before it began starts no broker", async () => {
  const error = await rpcErrorOf(() =>
    ask(script("exit 1"), AbortSignal.abort(commandFailed("no")))
  );
  assertEquals(error.message, "no");
});

Deno.test("a missing program is explained", async () => {
  const error = await rpcErrorOf(() => ask(new BrokerClient(brokerChild(["/nonexistent/agent"]))));
  assertEquals(error.code, COMMAND_FAILED);
  assertStringIncludes(error.message, "cannot be started");
});

Deno.test("a socket that is missing or not served is explained with its remedy", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("broker.sock");
  const missing = await rpcErrorOf(() => ask(new BrokerClient(brokerSocket(path))));
  assertStringIncludes(missing.message, "kvmmanager-agent-privileged.socket");
  const script = "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un($ARGV[0]))";
  await new Deno.Command("perl", { args: ["-e", script, path] }).output();
  const dead = await rpcErrorOf(() => ask(new BrokerClient(brokerSocket(path))));
  assertStringIncludes(dead.message, "no process serves");
});

Deno.test("a broker behind a socket answers", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("broker.sock");
  const listener = Deno.listen({ transport: "unix", path });
  using _listener = listener;
  const serving = (async () => {
    const connection = await listener.accept();
    await connection.read(new Uint8Array(1000));
    await connection.write(new TextEncoder().encode('{"result":"done"}\n'));
    connection.close();
  })();
  assertEquals(await ask(new BrokerClient(brokerSocket(path))), "done");
  await serving;
});
