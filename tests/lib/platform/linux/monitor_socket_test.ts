import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  directoryMode,
  listenOnSocket,
  type SocketOptions,
} from "../../../../lib/platform/linux/monitor_socket.ts";
import { ListenError } from "../../../../lib/channel/channel.ts";
import { namesIn, TempDirectory } from "../../_helpers.ts";
import { runTestScript } from "../../../_deno.ts";

const isRoot = Deno.uid() === 0;

const options = (path: string, changes: Partial<SocketOptions> = {}): SocketOptions => ({
  pipe_path: path,
  pipe_mode: "0770",
  pipe_group: null,
  ...changes,
});

const modeOf = async (path: string) => ((await Deno.lstat(path)).mode ?? 0).toString(8).slice(-4);

async function refusal(path: string, changes?: Partial<SocketOptions>): Promise<string> {
  const error = await assertRejects(() => listenOnSocket(options(path, changes)), ListenError);
  return error.message;
}

/** A socket file that nobody serves any more. */
async function leaveStale(path: string): Promise<void> {
  // Closing a listener removes the file at its own path, so the file is moved before.
  const listener = Deno.listen({ transport: "unix", path: `${path}.made` });
  await Deno.rename(`${path}.made`, path);
  listener.close();
}

for (const mode of ["0770", "770", "0700", "0777", "0600", "0666", "0000"]) {
  Deno.test(`the socket has the mode ${mode} whatever the umask, and nothing is left beside it`, async () => {
    await using directory = await TempDirectory.make();
    const path = directory.at("s.sock");
    const listener = await listenOnSocket(options(path, { pipe_mode: mode }));
    assertEquals((await modeOf(path)).slice(-3), mode.slice(-3));
    assertEquals(await namesIn(directory.path), ["s.sock"]);
    assertEquals(await listener.isInPlace(), true);
    listener.close();
    assertEquals(await namesIn(directory.path), []);
  });
}

for (
  const [socket, directory] of [
    ["0770", "0750"],
    ["0700", "0700"],
    ["0777", "0755"],
    ["770", "0750"],
    ["0640", "0700"],
    ["0702", "0705"],
  ] as const
) {
  Deno.test(`a directory created for a socket of mode ${socket} has ${directory}`, async () => {
    assertEquals(directoryMode(socket), directory);
    await using temporary = await TempDirectory.make();
    const path = temporary.at("run/s.sock");
    const listener = await listenOnSocket(options(path, { pipe_mode: socket }));
    assertEquals(await modeOf(temporary.at("run")), directory);
    listener.close();
  });
}

Deno.test("a directory that is there keeps its mode", async () => {
  await using directory = await TempDirectory.make();
  await Deno.mkdir(directory.at("run"), { mode: 0o711 });
  await Deno.chmod(directory.at("run"), 0o711);
  (await listenOnSocket(options(directory.at("run/s.sock")))).close();
  assertEquals(await modeOf(directory.at("run")), "0711");
});

Deno.test("a directory that is made belongs to the socket's group, and so does the socket", async () => {
  await using directory = await TempDirectory.make();
  // Who is not root may give files to the groups that he is in.
  const group = isRoot ? 1 : Deno.gid() ?? 0;
  const path = directory.at("run/s.sock");
  const listener = await listenOnSocket(options(path, { pipe_group: `${group}` }));
  assertEquals((await Deno.lstat(path)).gid, group);
  assertEquals((await Deno.lstat(directory.at("run"))).gid, group);
  listener.close();
});

Deno.test("a group is found by its name", async () => {
  await using directory = await TempDirectory.make();
  const text = await Deno.readTextFile("/etc/group");
  const own = isRoot ? 1 : Deno.gid();
  const name = text.split("\n").find((line) => line.split(":")[2] === `${own}`)?.split(":")[0];
  const path = directory.at("s.sock");
  const listener = await listenOnSocket(options(path, { pipe_group: name ?? "" }));
  assertEquals((await Deno.lstat(path)).gid, own);
  listener.close();
});

Deno.test("an unknown group is refused by name, and nothing is left behind", async () => {
  await using directory = await TempDirectory.make();
  const said = await refusal(directory.at("s.sock"), { pipe_group: "no-such-group" });
  assertMatch(said, /no group "no-such-group" in \/etc\/group; .* by its number/);
  assertEquals(await namesIn(directory.path), []);
});

Deno.test("the socket appears with its mode: until then only the owner can reach it", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("s.sock");
  const { stdout, stderr } = await runTestScript("lib/platform/linux/_make_socket.ts", {
    args: [path, "0620"],
  });
  assertEquals(stderr, "");
  assertEquals(JSON.parse(stdout), {
    directoryBefore: "700",
    ownPathAfterListening: "none",
    directoryAtTheEnd: "700",
    socketAtTheEnd: "620",
    ownPathAtTheEnd: "none",
    ownPath: "620",
  });
});

Deno.test("a socket that nobody serves is replaced", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("s.sock");
  await leaveStale(path);
  const listener = await listenOnSocket(options(path));
  const accepting = listener.accept();
  (await Deno.connect({ transport: "unix", path })).close();
  (await accepting)?.close();
  listener.close();
});

Deno.test("a socket that is served is refused, and goes on being served", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("s.sock");
  const first = await listenOnSocket(options(path));
  assertMatch(await refusal(path), /s\.sock is served by another process; stop it or choose/);
  assertEquals(await first.isInPlace(), true);
  first.close();
});

Deno.test("a file that is not a socket is left alone", async () => {
  await using directory = await TempDirectory.make();
  const path = await directory.file("s.sock", "content");
  assertMatch(await refusal(path), /exists and is not a socket; remove it/);
  assertEquals(await Deno.readTextFile(path), "content");
  await Deno.symlink(path, directory.at("link"));
  assertMatch(await refusal(directory.at("link")), /exists and is not a socket/);
  assertEquals(await namesIn(directory.path), ["link", "s.sock"]);
});

for (const [place, isStale] of [["a free path", false], ["a stale socket", true]] as const) {
  Deno.test(`a file that takes the place of ${place} meanwhile is left alone`, async () => {
    await using directory = await TempDirectory.make();
    const path = directory.at("s.sock");
    if (isStale) await leaveStale(path);
    const { listen } = Deno;
    const takePlace = (options: Deno.UnixListenOptions & { transport: "unix" }) => {
      Deno.writeTextFileSync(`${path}.theirs`, "theirs");
      Deno.renameSync(`${path}.theirs`, path);
      return listen(options);
    };
    Object.assign(Deno, { listen: takePlace });
    try {
      assertMatch(await refusal(path), /^\S+ exists and is not a socket; remove it/);
    } finally {
      Object.assign(Deno, { listen });
    }
    assertEquals(await namesIn(directory.path), ["s.sock"]);
    assertEquals(await Deno.readTextFile(path), "theirs");
  });
}

Deno.test("only the last directory of the path is created", async () => {
  await using directory = await TempDirectory.make();
  const said = await refusal(directory.at("a/b/s.sock"));
  assertMatch(said, /^cannot create the socket .*mkdir: .*a\/b.*No such file or directory$/);
  assertEquals(await namesIn(directory.path), []);
});

Deno.test("a file in the directory's place is refused", async () => {
  await using directory = await TempDirectory.make();
  await directory.file("run", "content");
  assertMatch(await refusal(directory.at("run/s.sock")), /Not a directory/);
});

Deno.test("a directory that is a symbolic link is refused, with the path to write instead", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("real/deep");
  await Deno.symlink(directory.at("real"), directory.at("link"));
  for (
    const [path, real] of [["link/s.sock", "real"], ["link/deep/s.sock", "real/deep"]] as const
  ) {
    assertMatch(
      await refusal(directory.at(path)),
      new RegExp(
        `contains a symbolic link; links are never followed; the directory is .*/${real}$`,
      ),
    );
  }
  assertEquals(await namesIn(directory.at("real")), ["deep"]);
  assertEquals(await namesIn(directory.at("real/deep")), []);
});

Deno.test("what a killed agent left behind is removed", async () => {
  await using directory = await TempDirectory.make();
  await Deno.mkdir(directory.at("s.sock.new"));
  await leaveStale(directory.at("s.sock.new/s"));
  (await listenOnSocket(options(directory.at("s.sock")))).close();
  assertEquals(await namesIn(directory.path), []);
});

Deno.test("a link in the private directory's place is left alone", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("theirs");
  await Deno.symlink(directory.at("theirs"), directory.at("s.sock.new"));
  assertMatch(
    await refusal(directory.at("s.sock")),
    /s\.sock\.new exists and was not created by/,
  );
  assertEquals(await namesIn(directory.path), ["s.sock.new", "theirs"]);
});

Deno.test("close() leaves another socket in its place alone", async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("s.sock");
  const first = await listenOnSocket(options(path));
  await Deno.remove(path);
  assertEquals(await first.isInPlace(), false);
  const second = await listenOnSocket(options(path));
  assertEquals([await first.isInPlace(), await second.isInPlace()], [false, true]);
  first.close();
  assertEquals(await second.isInPlace(), true);
  second.close();
});

Deno.test({
  name: "a directory of another user in the private directory's place is left alone",
  // Only root can give a directory away.
  ignore: !isRoot,
  fn: async () => {
    await using directory = await TempDirectory.make();
    const theirs = await directory.directory("s.sock.new");
    await Deno.writeTextFile(`${theirs}/kept`, "");
    await Deno.chown(theirs, 1, 1);
    assertMatch(await refusal(directory.at("s.sock")), /was not created by the agent; remove it/);
    assertEquals(await namesIn(theirs), ["kept"]);
  },
});

Deno.test('the group "-1" is no change of the group', async () => {
  await using directory = await TempDirectory.make();
  const path = directory.at("run/s.sock");
  const listener = await listenOnSocket(options(path, { pipe_group: "-1" }));
  assertEquals((await Deno.lstat(path)).gid, Deno.gid());
  assertEquals((await Deno.lstat(directory.at("run"))).gid, Deno.gid());
  listener.close();
});
