import { assertEquals, assertMatch } from "@std/assert";
import { processSignalAsRoot } from "../../../lib/privileged/process_signal.ts";
import { INVALID_PARAMS, NOT_FOUND, PERMISSION_DENIED } from "../../_error_codes.ts";
import { rpcErrorOf } from "../_helpers.ts";
import { ScriptedRoot } from "./_scripted_root.ts";

const USERS: Readonly<Record<string, string>> = {
  "0": "root:x:0:0:root:/root:/bin/sh\n",
  "33": "www-data:x:33:33::/var/www:/bin/false\n",
  "1001": "app-1:x:1001:1001::/home/app-1:/bin/sh\n",
};

/** A guest with a process of each user, and one whose user has no name. */
function guest(managed_users: string[]): ScriptedRoot {
  const root = new ScriptedRoot(({ args }) => {
    const wanted = args[1] ?? "";
    const line = USERS[wanted] ??
      Object.values(USERS).find((one) => one.startsWith(`${wanted}:`));
    return line === undefined ? { code: 2 } : { stdout: line };
  }, { managed_users });
  root.owners = { 1: 0, 10: 0, 33: 33, 101: 1001, 999: 999 };
  return root;
}

const send = (root: ScriptedRoot, params: unknown) =>
  Promise.try(() => processSignalAsRoot.prepare(params).run(root));

Deno.test("a process of a managed user is signalled", async () => {
  const root = guest(["app-*"]);
  const params = { pid: 101, start_ticks: 7, signal: "SIGHUP" };
  assertEquals(await send(root, params), { pid: 101, signal: "SIGHUP" });
  assertEquals(root.signals, [[101, "SIGHUP"]]);
});

Deno.test("a process of root or the system is signalled only if its owner is listed by name", async () => {
  for (const pid of [10, 33]) {
    const root = guest(["*"]);
    const error = await rpcErrorOf(() => send(root, { pid, start_ticks: 7 }));
    assertEquals([error.code, root.signals], [PERMISSION_DENIED, []]);
  }
  const root = guest(["root"]);
  await send(root, { pid: 10, start_ticks: 7 });
  assertEquals(root.signals, [[10, "SIGTERM"]]);
});

Deno.test("process 1 and processes of users without a name are refused", async () => {
  for (const pid of [1, 999]) {
    const root = guest(["root", "*"]);
    const error = await rpcErrorOf(() => send(root, { pid, start_ticks: 7 }));
    assertEquals([error.code, root.signals], [PERMISSION_DENIED, []]);
  }
});

Deno.test("a process that has ended is -32002, even if another has its number", async () => {
  for (const params of [{ pid: 5, start_ticks: 7 }, { pid: 101, start_ticks: 8 }]) {
    const error = await rpcErrorOf(() => send(guest(["app-1"]), params));
    assertEquals(error.code, NOT_FOUND);
    assertMatch(error.message, /has ended/);
  }
});

for (
  const params of [
    ...[{ pid: 0, start_ticks: 7 }, { pid: -101, start_ticks: 7 }, { pid: 101 }],
    ...[{ pid: "101", start_ticks: 7 }, { pid: 101, start_ticks: 7, signal: "9" }, null],
  ]
) {
  Deno.test(`a signal for ${JSON.stringify(params)} is refused`, async () => {
    assertEquals((await rpcErrorOf(() => send(guest(["*"]), params))).code, INVALID_PARAMS);
  });
}
