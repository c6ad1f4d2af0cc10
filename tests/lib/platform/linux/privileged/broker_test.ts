import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { lineOf } from "../../../../../lib/privileged/messages.ts";
import {
  COMMAND_FAILED,
  INVALID_PARAMS,
  INVALID_REQUEST,
  NOT_FOUND,
  PERMISSION_DENIED,
} from "../../../../_error_codes.ts";
import { NEVER, rpcErrorOf } from "../../../_helpers.ts";
import { brokerCommand, Brokers, isRoot, LoopMount } from "./_brokers.ts";

const Trimmed = z.strictObject({
  filesystems: z.array(z.strictObject({ mount_point: z.string(), trimmed_bytes: z.number() })),
});

Deno.test({
  name: "the broker performs an operation as root: a real file system is trimmed",
  ignore: !isRoot,
  fn: async () => {
    await using mount = await LoopMount.make();
    await using brokers = await Brokers.start();
    const params = { mount_points: [mount.mountPoint] };
    const result = z.parse(Trimmed, await brokers.client.perform("fs_trim", params, NEVER));
    assertEquals(result.filesystems.map(({ mount_point }) => mount_point), [mount.mountPoint]);
  },
});

for (
  const [what, operation, params, code, reason] of [
    ["an unknown operation", "rm", {}, INVALID_REQUEST, /no operation "rm"/],
    ["an inherited name", "toString", {}, INVALID_REQUEST, /no operation/],
    [
      "parameters that the agent should have refused",
      "fs_trim",
      { mount_points: ["x"] },
      INVALID_PARAMS,
      /absolute/,
    ],
    ["no parameters at all", "fs_trim", null, INVALID_PARAMS, /object/],
    [
      "a path where nothing is mounted",
      "fs_trim",
      { mount_points: ["/nonexistent"] },
      NOT_FOUND,
      /mounted/,
    ],
  ] as const
) {
  Deno.test(`the broker refuses ${what}`, async () => {
    await using brokers = await Brokers.start();
    if (!isRoot) return;
    const error = await rpcErrorOf(() => brokers.client.perform(operation, params, NEVER));
    assertEquals(error.code, code);
    assertMatch(error.message, reason);
  });
}

Deno.test("the broker refuses a group that the configuration does not allow, whatever the agent says", async () => {
  if (!isRoot) return;
  await using brokers = await Brokers.start({ allow: ["see"] });
  const error = await rpcErrorOf(() => brokers.client.perform("fs_trim", {}, NEVER));
  assertEquals([error.code, error.data.group], [PERMISSION_DENIED, "freeze"]);
});

Deno.test("the broker refuses to work for a configuration that others can write", async () => {
  if (!isRoot) return;
  await using brokers = await Brokers.start();
  await Deno.chmod(brokers.configFile, 0o666);
  const error = await rpcErrorOf(() => brokers.client.perform("fs_trim", {}, NEVER));
  assertEquals(error.code, PERMISSION_DENIED);
  assertStringIncludes(error.message, brokers.configFile);
});

Deno.test("the broker refuses to work with an invalid configuration", async () => {
  if (!isRoot) return;
  await using brokers = await Brokers.start();
  await Deno.writeTextFile(brokers.configFile, '{"secruity":{}}');
  const error = await rpcErrorOf(() => brokers.client.perform("fs_trim", {}, NEVER));
  assertEquals(error.code, COMMAND_FAILED);
  assertStringIncludes(error.message, "secruity");
});

/** Sends bytes to a broker, with its input left open; returns what it wrote. */
async function exchange(
  bytes: Uint8Array,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const [program = "", ...words] = await brokerCommand(args);
  const child = new Deno.Command(program, {
    args: words,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(bytes).catch(() => {});
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.status;
  await writer.close().catch(() => {});
  return { stdout, stderr };
}

Deno.test("the broker records each request before and after it, on standard error", async () => {
  const request = {
    operation: "fs_trim",
    params: { mount_points: ["/nonexistent"] },
    sent_at_ms: 0,
  };
  const { stderr } = await exchange(lineOf(request), []);
  const lines = stderr.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(
    lines.map(({ event, operation, target, code }) => [event, operation, target, code]),
    [
      ["begin", "fs_trim", { mount_points: ["/nonexistent"] }, undefined],
      ["end", "fs_trim", { mount_points: ["/nonexistent"] }, NOT_FOUND],
    ],
  );
});

for (
  const [what, bytes] of [
    ["nonsense", new TextEncoder().encode("nonsense\n")],
    ["bytes that are not UTF-8", new Uint8Array([0xff, 0xfe, 0x0a])],
    ["a request without an end", new Uint8Array(2 * 1024 * 1024).fill(0x20)],
  ] as const
) {
  Deno.test(`the broker answers ${what} with -32600 and ends`, async () => {
    const { stdout } = await exchange(bytes, []);
    assertEquals(JSON.parse(stdout).error.kind, "invalidRequest");
  });
}

Deno.test("a process that is not the agent gets no operation from the broker", async () => {
  const request = { operation: "fs_trim", params: {}, sent_at_ms: 0 };
  const { stdout, stderr } = await exchange(lineOf(request), [`--peer=1-${Deno.pid}-0`]);
  const { error } = JSON.parse(stdout);
  assertEquals([error.kind, JSON.parse(stderr).event], ["permissionDenied", "refused"]);
  assertStringIncludes(error.reason, "only the agent may use the broker");
});
