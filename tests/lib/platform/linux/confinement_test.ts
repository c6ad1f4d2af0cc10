import { assertEquals } from "@std/assert";
import type { Permissions } from "../../../../lib/platform/permissions.ts";
import { TempDirectory } from "../../_helpers.ts";
import { runTestScript } from "../../../_deno.ts";

const NONE: Permissions = {
  read: [],
  write: [],
  run: [],
  sockets: [],
  system: [],
  usesLibraries: false,
};

/** A directory that is inside and one that is not, with a file in each. */
class Places implements AsyncDisposable {
  private constructor(readonly directory: TempDirectory) {}

  static async make(): Promise<Places> {
    const directory = await TempDirectory.make();
    for (const name of ["inside", "outside", "more"]) {
      await directory.directory(name);
      await directory.file(`${name}/file`, name);
    }
    return new Places(directory);
  }

  readonly at = (name: string) => this.directory.at(name);

  /** Permissions to read and write these places. */
  permissions(...names: string[]): Permissions {
    const paths = names.map((name) => name === "/" ? name : this.at(name));
    return { ...NONE, read: paths, write: paths };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory[Symbol.asyncDispose]();
  }
}

interface Attempt {
  readonly action?: "confine" | "judge";
  readonly wanted: Permissions;
  readonly granted?: Permissions;
  /** The lists of `--allow-read` and `--allow-write`; empty for all. */
  readonly flags: readonly string[];
}

/** What a process says of its confinement, and which of inside, outside and more it can still use. */
async function attempt(places: Places, { action = "confine", wanted, granted, flags }: Attempt) {
  const files = ["inside/file", "outside/file", "more/file"].map(places.at);
  const list = flags.length === 0 ? "" : `=${flags.join(",")}`;
  const { code, stdout, stderr } = await runTestScript("lib/platform/linux/_confine.ts", {
    flags: [`--allow-read${list}`, `--allow-write${list}`],
    args: [JSON.stringify({ action, wanted, granted, read: files, write: files })],
  });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

const ALL = ["ok", "ok", "ok"];

Deno.test("confine() keeps access to what is inside and drops all else", async () => {
  await using places = await Places.make();
  const inside = places.permissions("inside");
  const result = await attempt(places, {
    wanted: inside,
    granted: inside,
    flags: ["/", places.at("inside")],
  });
  const refused = ["ok", "NotCapable", "NotCapable"];
  assertEquals(result, { confined: true, uncovered: [], read: refused, write: refused });
  assertEquals(await Deno.readTextFile(places.at("outside/file")), "outside");
});

Deno.test("confine() keeps the whole granted list for a configuration that needs less", async () => {
  await using places = await Places.make();
  const result = await attempt(places, {
    wanted: places.permissions("inside"),
    granted: places.permissions("inside", "more"),
    flags: ["/", places.at("inside"), places.at("more")],
  });
  assertEquals([result.confined, result.uncovered], [true, []]);
  assertEquals(result.read, ["ok", "NotCapable", "ok"]);
});

Deno.test("confine() treats a file below a granted directory as covered", async () => {
  await using places = await Places.make();
  const result = await attempt(places, {
    wanted: places.permissions("inside/file"),
    granted: places.permissions("inside"),
    flags: ["/", places.at("inside")],
  });
  assertEquals([result.confined, result.uncovered], [true, []]);
});

Deno.test("confine() changes nothing for a configuration that allows more, and names that", async () => {
  await using places = await Places.make();
  const result = await attempt(places, {
    wanted: places.permissions("inside", "more"),
    granted: places.permissions("inside"),
    flags: ["/", places.at("inside")],
  });
  assertEquals(result, {
    confined: false,
    uncovered: [places.at("more")],
    read: ALL,
    write: ALL,
  });
});

Deno.test("confine() does not treat a directory whose name only begins the same as covered", async () => {
  await using places = await Places.make();
  const result = await attempt(places, {
    wanted: { ...NONE, read: [places.at("inside-not")] },
    granted: places.permissions("inside"),
    flags: ["/", places.at("inside")],
  });
  assertEquals([result.confined, result.uncovered], [false, [places.at("inside-not")]]);
});

Deno.test("confine() judges reading and writing separately", async () => {
  await using places = await Places.make();
  const granted = { ...NONE, read: [places.at("inside"), places.at("more")], write: [] };
  const flags = ["/", places.at("inside"), places.at("more")];
  const further = { ...NONE, read: [places.at("inside")], write: [places.at("inside")] };
  const unconfined = await attempt(places, { wanted: further, granted, flags });
  assertEquals([unconfined.confined, unconfined.uncovered], [false, [places.at("inside")]]);
});

Deno.test("confine() keeps / if the configuration allows it and the binary has it", async () => {
  await using places = await Places.make();
  const everything = places.permissions("/");
  const result = await attempt(places, {
    wanted: everything,
    granted: everything,
    flags: ["/", places.at("inside")],
  });
  assertEquals(result, { confined: false, uncovered: [], read: ALL, write: ALL });
});

Deno.test("confine() drops writing everywhere even if reading everywhere is allowed", async () => {
  await using places = await Places.make();
  const permissions = { ...NONE, read: ["/"], write: [places.at("inside")] };
  const result = await attempt(places, {
    wanted: permissions,
    granted: permissions,
    flags: ["/", places.at("inside")],
  });
  assertEquals(result.read, ALL);
  assertEquals(result.write, ["ok", "NotCapable", "NotCapable"]);
});

Deno.test("judgeConfinement() says the same and changes nothing", async () => {
  await using places = await Places.make();
  const inside = places.permissions("inside");
  const result = await attempt(places, {
    action: "judge",
    wanted: inside,
    granted: inside,
    flags: ["/", places.at("inside")],
  });
  assertEquals(result, { confined: true, uncovered: [], read: ALL, write: ALL });
});

Deno.test("judgeConfinement() says that / is not confined, as confine() does", async () => {
  await using places = await Places.make();
  const everything = places.permissions("/");
  const result = await attempt(places, {
    action: "judge",
    wanted: everything,
    granted: everything,
    flags: ["/", places.at("inside")],
  });
  assertEquals(result.confined, false);
});

for (const action of ["confine", "judge"] as const) {
  Deno.test(`an agent with the flags of its own configuration is confined (${action})`, async () => {
    await using places = await Places.make();
    const wanted = places.permissions("inside");
    const own = await attempt(places, { action, wanted, flags: [places.at("inside")] });
    assertEquals([own.confined, own.uncovered], [true, []]);
    assertEquals(own.read, ["ok", "NotCapable", "NotCapable"]);
    const all = await attempt(places, { action, wanted, flags: [] });
    assertEquals([all.confined, all.read], [false, ALL]);
  });
}

Deno.test("commands beyond those granted are named, and reading and writing are confined anyway", async () => {
  await using places = await Places.make();
  const inside = places.permissions("inside");
  const flags = ["/", places.at("inside")];
  for (
    const [wanted, granted, uncovered] of [
      [["/bin/ls", "/bin/sh"], ["/bin/sh"], ["/bin/ls"]],
      ["all", ["/bin/sh"], ["every command (command_whitelist null)"]],
      [["/bin/ls"], "all", []],
      ["all", "all", []],
    ] as const
  ) {
    const result = await attempt(places, {
      wanted: { ...inside, run: wanted },
      granted: { ...inside, run: granted },
      flags,
    });
    assertEquals([result.confined, result.uncovered], [true, uncovered]);
  }
});

/** What a process that was granted two sockets says of its confinement, and of what it has left. */
async function attemptSockets(wanted: readonly string[]) {
  const sockets = ["/run/a.sock", "/run/b.sock"];
  const { code, stdout, stderr } = await runTestScript("lib/platform/linux/_confine.ts", {
    flags: [`--allow-net=${sockets.map((path) => `unix:${path}`).join(",")}`],
    args: [JSON.stringify({
      action: "confine",
      wanted: { ...NONE, sockets: wanted },
      granted: { ...NONE, sockets },
      read: [],
      write: [],
      sockets: [...sockets, "/run/c.sock"],
    })],
  });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("confine() drops the sockets that the configuration does not have", async () => {
  for (const wanted of [[], ["/run/b.sock"], ["/run/a.sock", "/run/b.sock"]]) {
    const { confined, uncovered, sockets } = await attemptSockets(wanted);
    assertEquals([confined, uncovered, sockets], [true, [], wanted]);
  }
});

Deno.test("confine() names a socket that was not granted", async () => {
  const { confined, uncovered, sockets } = await attemptSockets(["/run/c.sock"]);
  assertEquals([confined, uncovered, sockets], [true, ["/run/c.sock"], []]);
});

Deno.test("refusedByDeno() names what a process may not do, with the kind of access", async () => {
  const wanted = {
    read: ["/srv/in", "/srv/in/deep", "/etc/x"],
    write: ["/srv/out", "/srv/in"],
    run: ["/bin/ls", "/bin/rm"],
    sockets: ["/run/a.sock", "/run/b.sock"],
    system: [],
    usesLibraries: false,
  };
  const refused = async (run: Permissions["run"]) => {
    const { stdout, stderr } = await runTestScript("lib/platform/linux/_confine.ts", {
      flags: [
        "--allow-read=/srv/in",
        "--allow-write=/srv/out",
        "--allow-run=/bin/ls",
        "--allow-net=unix:/run/a.sock",
      ],
      args: [
        JSON.stringify({ action: "refused", wanted: { ...wanted, run }, read: [], write: [] }),
      ],
    });
    assertEquals(stderr, "");
    return JSON.parse(stdout).refused;
  };
  const paths = ["read /etc/x", "write /srv/in", "connect /run/b.sock"];
  assertEquals(await refused(wanted.run), [...paths, "run /bin/rm"]);
  assertEquals(await refused("all"), [...paths, "run every command"]);
});

/** What a process that supervises an agent can still do. */
async function superviseIn(places: Places, options: {
  readonly flags: readonly string[];
  readonly granted?: Permissions;
  readonly logFile: string | null;
}) {
  const { code, stdout, stderr } = await runTestScript("lib/platform/linux/_confine.ts", {
    flags: options.flags,
    args: [JSON.stringify({
      action: "supervise",
      wanted: NONE,
      granted: options.granted,
      logFile: options.logFile,
      read: [places.at("inside/file"), places.at("outside/file")],
      write: [places.at("inside/file"), places.at("outside/file")],
      run: ["/bin/sh", "/bin/true"],
    })],
  });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("confineSupervisor() keeps the shell and the log file, and drops all else", async () => {
  await using places = await Places.make();
  const logFile = places.at("inside/file");
  const paths = ["/", logFile, places.at("outside")];
  const granted = { ...NONE, read: paths, write: paths.slice(1), run: ["/bin/sh", "/bin/true"] };
  const flags = [
    `--allow-read=${paths.join(",")}`,
    `--allow-write=${paths.join(",")}`,
    "--allow-run=/bin/sh,/bin/true",
    "--allow-sys=hostname",
    "--allow-net=unix:/run/a.sock",
  ];
  assertEquals(await superviseIn(places, { flags, granted, logFile }), {
    read: ["NotCapable", "NotCapable"],
    write: ["ok", "NotCapable"],
    run: ["ok", "NotCapable"],
    sys: "NotCapable",
    net: "prompt",
  });
  const without = await superviseIn(places, { flags, granted, logFile: null });
  assertEquals(without.write, ["NotCapable", "NotCapable"]);
});

Deno.test("confineSupervisor() drops what it can of all permissions", async () => {
  await using places = await Places.make();
  const result = await superviseIn(places, { flags: ["-A"], logFile: null });
  assertEquals([result.read, result.write], [
    ["NotCapable", "NotCapable"],
    ["NotCapable", "NotCapable"],
  ]);
  assertEquals([result.run, result.sys], [["ok", "ok"], "NotCapable"]);
});
