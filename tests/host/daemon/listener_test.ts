import { assert, assertEquals, assertRejects } from "@std/assert";
import { listenAt, listenOn } from "../../../host/daemon/listener.ts";
import type { ClientConnection } from "../../../host/daemon/session.ts";
import { UsageError } from "../../../lib/base/command_line.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { socketAt } from "../_sockets.ts";

/** Sends everything back. */
async function echo(connection: ClientConnection): Promise<void> {
  const buffer = new Uint8Array(1000);
  try {
    for (;;) {
      const read = await connection.read(buffer);
      if (read === null) break;
      await connection.write(buffer.subarray(0, read));
    }
  } catch {
    // The client has gone.
  }
  connection.close();
}

/** Connects, sends bytes and expects them back. */
async function assertEchoes(path: string, bytes: number): Promise<void> {
  const connection = await Deno.connect({ transport: "unix", path });
  using _connection = connection;
  const sent = new Uint8Array(bytes).fill(1);
  const writing = (async () => {
    for (let rest = sent; rest.byteLength > 0;) {
      rest = rest.subarray(await connection.write(rest));
    }
  })();
  let received = 0;
  const buffer = new Uint8Array(64 * 1024);
  while (received < bytes) {
    const read = await connection.read(buffer);
    assert(read !== null);
    received += read;
  }
  await writing;
  assertEquals(received, bytes);
}

Deno.test("listenAt() makes a socket for its owner and its group, and removes it", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("a.sock");
  const listener = await listenAt(path, (connection) => void echo(connection));
  assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o660);
  await assertEchoes(path, 100_000);
  await listener.close();
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("listenAt() replaces what a killed daemon left, and nothing else", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("a.sock");
  await socketAt(path);
  const listener = await listenAt(path, (connection) => void echo(connection));
  await assertRejects(() => listenAt(path, () => {}), UsageError, "another program");
  await listener.close();
  const file = await directory.file("file", "");
  await assertRejects(() => listenAt(file, () => {}), UsageError, "not a socket");
});

Deno.test("listenAt() names the path that it cannot use", async (t) => {
  await using directory = await TempDirectory.make();
  const file = await directory.file("file", "");
  const cases = [
    ["in a directory that does not exist", directory.at("missing/a.sock")],
    ["below a file", `${file}/a.sock`],
    ["too long for a socket", directory.at("a".repeat(120))],
  ] as const;
  for (const [what, path] of cases) {
    await t.step(what, async () => {
      await assertRejects(() => listenAt(path, () => {}), Error, `cannot listen on ${path}: `);
    });
  }
});

/** A listening socket that this program did not open through Deno, as a service manager passes it. */
function openDescriptor(path: string): number {
  const libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    listen: { parameters: ["i32", "i32"], result: "i32" },
  });
  const address = new Uint8Array(110);
  // AF_UNIX, in the byte order of the machines that this runs on.
  address[0] = 1;
  address.set(new TextEncoder().encode(path), 2);
  try {
    const descriptor = libc.symbols.socket(1, 1, 0);
    assertEquals(libc.symbols.bind(descriptor, address, address.byteLength), 0);
    assertEquals(libc.symbols.listen(descriptor, 10), 0);
    return descriptor;
  } finally {
    libc.close();
  }
}

Deno.test("listenOn() serves clients of a socket that a service manager opened", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("a.sock");
  const descriptor = openDescriptor(path);
  const serving: Promise<void>[] = [];
  const listener = await listenOn(
    descriptor,
    (connection) => void serving.push(echo(connection)),
  );
  await assertEchoes(path, 100_000);
  await assertEchoes(path, 1);
  await Promise.all(serving);
  await listener.close();
});
