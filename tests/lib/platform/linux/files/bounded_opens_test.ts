import { assert, assertEquals, assertRejects } from "@std/assert";
import { BoundedOpens } from "../../../../../lib/platform/linux/files/bounded_opens.ts";
import { outcomeOf, ROOT, runDeno, runTestScript } from "../../../../_deno.ts";
import { tool } from "../../../../_tool.ts";
import { until } from "../../../../_waiting.ts";
import { NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";

const READ = { read: true };
const NOBODY = 65_534;

/** Lets everything go that waits to read from a FIFO. */
async function release(path: string): Promise<void> {
  (await Deno.open(path, { read: true, write: true })).close();
}

Deno.test("an open that waits at a FIFO finishes once a file has taken its place", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("file");
  await tool("mkfifo", path);
  // A separate process: a listener for a signal belongs to all of it.
  const { code, stdout, stderr } = await runTestScript("lib/platform/linux/files/_rouse.ts", {
    args: [path],
  });
  assertEquals([code, stdout, stderr], [0, "content, 0 under way\n", ""]);
});

Deno.test({
  name: "an open that waits at a FIFO finishes in a process whose runtime cannot be read",
  // Only root can run something as another user. The package installs the runtime with mode 0711.
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using directory = await TempDirectory.make();
    const runtime = directory.at("deno");
    const script = directory.at("rouse.js");
    const source = `${ROOT}tests/lib/platform/linux/files/_rouse.ts`;
    const { code, stderr } = await runDeno(["bundle", "--quiet", "--output", script, source]);
    assertEquals([code, stderr], [0, ""]);
    // Not by this process: a child that another test forks meanwhile would hold it open for writing,
    // and it could not be executed (ETXTBSY).
    await tool("cp", Deno.execPath(), runtime);
    await Deno.chmod(runtime, 0o711);
    await Deno.chmod(directory.path, 0o755);
    const home = await directory.directory("home");
    await Deno.chown(home, NOBODY, NOBODY);
    const path = `${home}/file`;
    await tool("mkfifo", "-m", "0666", path);
    const user = ["--reuid", `${NOBODY}`, "--regid", `${NOBODY}`, "--clear-groups"];
    const command = new Deno.Command("setpriv", {
      args: [...user, runtime, "run", "--quiet", "--no-config", "-A", script, path],
      env: { HOME: home, DENO_DIR: `${home}/deno`, DENO_NO_UPDATE_CHECK: "1" },
      stdout: "piped",
      stderr: "piped",
    });
    const outcome = await outcomeOf(command.spawn());
    assertEquals(outcome, { code: 0, stdout: "content, 0 under way\n", stderr: "" });
  },
});

Deno.test("FIFOs that stay hold up four opens below their allowed path, and no other path", async () => {
  await using directory = await TempDirectory.make();
  const root = await directory.directory("in");
  const path = directory.at("in/fifo");
  await tool("mkfifo", "-m", "0444", path);
  const other = await directory.file("file", "content");
  const opens = new BoundedOpens(() => Promise.resolve());
  const controller = new AbortController();
  const given = new Error("given up");
  const stuck = Array.from(
    { length: 4 },
    () => opens.open({ path, root }, READ, controller.signal),
  );
  const ended = Promise.allSettled(stuck);
  const refused = await rpcErrorOf(() => opens.open({ path, root }, READ, NEVER));
  assertEquals(refused.code, -32000);
  assert(
    refused.data.reason.includes(`4 files in ${root} are blocked while opening`),
    refused.data.reason,
  );
  (await opens.open({ path: other, root: directory.path }, READ, NEVER)).close();
  controller.abort(given);
  assertEquals((await ended).map((one) => "reason" in one && one.reason), Array(4).fill(given));
  // Given up is not gone: they still hold their threads.
  assertEquals(opens.count, 4);
  await release(path);
  await until(() => opens.count === 0, "the end of all opens");
});

Deno.test("waiting for a turn to open ends when the signal is aborted", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("fifo");
  await tool("mkfifo", path);
  const opens = new BoundedOpens(() => Promise.resolve());
  const first = new AbortController();
  const stuck = Promise.allSettled(
    Array.from({ length: 4 }, () => opens.open({ path, root: path }, READ, first.signal)),
  );
  const second = new AbortController();
  const waiting = opens.open({ path, root: path }, READ, second.signal);
  const reason = new Error("enough");
  second.abort(reason);
  assertEquals(await assertRejects(() => waiting), reason);
  first.abort(reason);
  await stuck;
  await release(path);
  await until(() => opens.count === 0, "the end of all opens");
});
