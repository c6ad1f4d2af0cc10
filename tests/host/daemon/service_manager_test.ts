import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import { givenSockets, ServiceManager } from "../../../host/daemon/service_manager.ts";
import { TempDirectory } from "../../lib/_helpers.ts";

Deno.test("givenSockets() are those that were given to this process", () => {
  const variables = { LISTEN_PID: "7", LISTEN_FDS: "2", LISTEN_FDNAMES: "hostd:read-only" };
  assertEquals(givenSockets(variables, 7), [
    { descriptor: 3, name: "hostd" },
    { descriptor: 4, name: "read-only" },
  ]);
  assertEquals(givenSockets(variables, 8), []);
  assertEquals(givenSockets({}, 7), []);
  assertEquals(givenSockets({ LISTEN_PID: "7", LISTEN_FDS: "x" }, 7), []);
});

Deno.test("ServiceManager tells that the daemon is ready, and when it stops", async () => {
  await using directory = await TempDirectory.make();
  const script = fromFileUrl(new URL("_notify.ts", import.meta.url));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--unstable-net", "-A", script, directory.path],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(text(stderr), "");
  assertEquals(JSON.parse(text(stdout)), {
    messages: ["READY=1\nWATCHDOG_USEC=60000000", "STOPPING=1"],
    problems: [],
  });
});

Deno.test("ServiceManager without a service manager does nothing", () => {
  const problems: string[] = [];
  const manager = new ServiceManager(undefined, "/nowhere/x", (text) => problems.push(text));
  using _manager = manager;
  manager.ready();
  assertEquals(problems, []);
});
