import { assertEquals, assertRejects } from "@std/assert";
import { RpcError } from "../../../../lib/base/errors.ts";
import { runScript } from "../../../../lib/platform/linux/shell.ts";
import { NEVER, rpcErrorOf } from "../../_helpers.ts";

const timeoutMs = 20_000;

Deno.test("runScript() returns what a script prints, whatever its exit status", async () => {
  const text = await runScript({
    code: "echo out; echo err >&2; exit 3",
    timeoutMs,
    signal: NEVER,
  });
  assertEquals(text, "out\n");
});

Deno.test("runScript() passes what varies as arguments, never as code", async () => {
  const args = ["$(echo no)", "; echo no", "'\"", "-n", "", "a\nb", "*"];
  const text = await runScript({
    code: 'for arg; do printf "[%s]" "$arg"; done',
    args,
    timeoutMs,
    signal: NEVER,
  });
  assertEquals(text, args.map((arg) => `[${arg}]`).join(""));
});

Deno.test("runScript() gives a script a clean environment and the root directory", async () => {
  const text = await runScript({ code: "pwd; env | sort", timeoutMs, signal: NEVER });
  assertEquals(text.split("\n").filter((line) => !/^(PWD|_|OLDPWD|SHLVL)=/.test(line)), [
    "/",
    "LC_ALL=C",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "",
  ]);
});

Deno.test("runScript() throws -32003 for a script that takes too long", async () => {
  const error = await rpcErrorOf(() =>
    runScript({ code: "exec sleep 300", timeoutMs: 20, signal: NEVER })
  );
  assertEquals(error.code, -32003);
});

Deno.test("runScript() throws -32000 for a script that prints more than is kept", async () => {
  const code = "head -c 1100000 /dev/zero";
  const error = await rpcErrorOf(() => runScript({ code, timeoutMs, signal: NEVER }));
  assertEquals(error.code, -32000);
});

Deno.test("runScript() throws the signal's reason, before or during the script", async () => {
  const reason = new RpcError("commandFailed", "cancelled");
  const script = { code: "exec sleep 300", timeoutMs };
  await assertRejects(() => runScript({ ...script, signal: AbortSignal.abort(reason) }), RpcError);
  const controller = new AbortController();
  const running = runScript({ ...script, signal: controller.signal });
  controller.abort(reason);
  assertEquals(await rpcErrorOf(() => running), reason);
});
