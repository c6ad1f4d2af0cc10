import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { rpcCancel } from "../../../handlers/agent/rpc_cancel.ts";
import { assertRefused } from "../../agent/_host.ts";
import { timed, until } from "../../_waiting.ts";
import { Served } from "../_served.ts";
import { COMMAND_FAILED } from "../../_error_codes.ts";

const Result = z.strictObject({ cancelled: z.boolean() });

Deno.test("rpc.cancel returns false if there is nothing to cancel", async () => {
  await using served = await Served.start(rpcCancel);
  for (const id of ["nothing", "", 0, 7, -1, 1.5]) {
    assertEquals(await served.call({ id }, Result), { cancelled: false });
  }
  await served.host.request("ping");
  assertEquals(await served.call({ id: "call 1" }, Result), { cancelled: false });
});

Deno.test("rpc.cancel distinguishes a string from a number with the same digits", async () => {
  await using served = await Served.start(rpcCancel);
  const { host } = served;
  const params = { command: "sleep", args: ["300"] };
  await host.send(`${JSON.stringify({ jsonrpc: "2.0", method: "exec_command", params, id: 7 })}\n`);
  assertEquals(await served.call({ id: "7" }, Result), { cancelled: false });
  assertEquals(await served.call({ id: 7 }, Result), { cancelled: true });
  assertRefused(await host.answerTo(7), COMMAND_FAILED, /^cancelled by the host$/);
});

Deno.test("rpc.cancel removes a waiting request, which then never runs", async () => {
  await using served = await Served.start(rpcCancel, {
    config: () => ({ max_concurrent_requests: 1 }),
  });
  const { host, files } = served;
  const script = 'touch "$0/begun"; until [ -e "$0/go" ]; do sleep 0.02; done';
  const running = await host.start("exec_command", { command: "sh", args: ["-c", script, files] });
  await until(() => Deno.lstat(`${files}/begun`).then(() => true, () => false), "the command");
  const waiting = await host.start("file_write", { path: `${files}/never`, content: "x" });
  assertEquals(await served.call({ id: waiting }, Result), { cancelled: true });
  assertRefused(await host.answerTo(waiting), COMMAND_FAILED, /^cancelled by the host$/);
  await Deno.writeTextFile(`${files}/go`, "");
  assert("result" in await host.answerTo(running));
  assert("result" in await host.request("get_system_info"), "the place is free again");
  assert(await Deno.lstat(`${files}/never`).then(() => false, () => true));
});

Deno.test("rpc.cancel is answered while every slot is taken, and frees one", async () => {
  await using served = await Served.start(rpcCancel, {
    config: () => ({ max_concurrent_requests: 2 }),
  });
  const { host } = served;
  const sleep = { command: "sleep", args: ["300"] };
  const ids = [await host.start("exec_command", sleep), await host.start("exec_command", sleep)];
  const waiting = await host.start("get_system_info");
  const { ms } = await timed(() => served.call({ id: ids[0] }, Result));
  assert(ms < 1000, `${ms} ms`);
  assertRefused(await host.answerTo(ids[0]), COMMAND_FAILED, /cancelled/);
  assert("result" in await host.answerTo(waiting));
  await served.call({ id: ids[1] }, Result);
  assertRefused(await host.answerTo(ids[1]), COMMAND_FAILED, /cancelled/);
});

Deno.test("a second rpc.cancel has no effect", async () => {
  await using served = await Served.start(rpcCancel);
  const { host } = served;
  const script = 'trap "sleep 0.3; exit" TERM; echo ready; while :; do sleep 0.05; done';
  const id = await host.start("exec_command", { command: "sh", args: ["-c", script] });
  await host.ping();
  await served.call({ id }, Result);
  await served.call({ id }, Result);
  assertRefused(await host.answerTo(id), COMMAND_FAILED, /^cancelled by the host$/);
  await until(async () => !(await served.call({ id }, Result)).cancelled, "it to be gone");
});
