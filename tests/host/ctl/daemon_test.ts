import { assertEquals, assertRejects } from "@std/assert";
import { throughDaemon } from "../../../host/ctl/daemon.ts";
import { CallError } from "../../../host/errors.ts";

const USUAL = ["/run/first.sock", "/run/read-only.sock"];

/** Asks daemons of which only some answer, and notes where it has asked. */
function asking(...served: readonly string[]) {
  const asked: string[] = [];
  const ask = (socket: string) => {
    asked.push(socket);
    return served.includes(socket)
      ? Promise.resolve(`from ${socket}`)
      : Promise.reject(new CallError(`${socket}: permission denied`, "permission denied"));
  };
  return { asked, ask };
}

Deno.test("the read-only socket is asked if the first one refuses", async () => {
  const { asked, ask } = asking("/run/read-only.sock");
  assertEquals(await throughDaemon(USUAL[0], ask, USUAL), "from /run/read-only.sock");
  assertEquals(asked, USUAL);
});

Deno.test("the read-only socket is not asked if the first one answers", async () => {
  const { asked, ask } = asking(...USUAL);
  assertEquals(await throughDaemon(USUAL[0], ask, USUAL), "from /run/first.sock");
  assertEquals(asked, ["/run/first.sock"]);
});

Deno.test("no daemon at the usual sockets is no error", async () => {
  assertEquals(await throughDaemon(USUAL[0], asking().ask, USUAL), undefined);
});

Deno.test("a socket that was named must be served, and no other is asked", async () => {
  const { asked, ask } = asking(...USUAL);
  await assertRejects(
    () => throughDaemon("/run/other.sock", ask, USUAL),
    CallError,
    "no daemon answers at --hostd /run/other.sock: permission denied",
  );
  assertEquals(asked, ["/run/other.sock"]);
});

Deno.test("an error that is not the daemon's is passed on", async () => {
  const ask = () => Promise.reject(new TypeError("a fault"));
  for (const socket of [USUAL[0], "/run/other.sock"]) {
    await assertRejects(() => throughDaemon(socket, ask, USUAL), TypeError, "a fault");
  }
});
