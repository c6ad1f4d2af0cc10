import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { defaultConfig } from "../../../../../lib/config/schema.ts";
import { openState } from "../../../../../lib/platform/linux/state/state_directory.ts";
import { CollectingLog } from "../../../_helpers.ts";

interface Opened {
  readonly directory: string;
  open(path?: string | null): ReturnType<typeof openState>;
  readonly log: CollectingLog;
}

async function inDirectory(test: (opened: Opened) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const log = new CollectingLog();
  const open = (path: string | null = `${directory}/state`) =>
    openState({ state_directory: path, security: defaultConfig().security }, log);
  try {
    await test({ directory, open, log });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const security = { ...defaultConfig().security, allowed_write_paths: [] };

Deno.test("the state directory is private, and is closed to others if it was open", async () => {
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(`${directory}/state`, { mode: 0o755 });
  await Deno.chmod(`${directory}/state`, 0o755);
  const state = openState({ state_directory: `${directory}/state`, security }, new CollectingLog());
  assert(state.isPersistent);
  assertEquals((await Deno.stat(`${directory}/state`)).mode! & 0o777, 0o700);
  state.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what is kept is there after the agent has been started again", () =>
  inDirectory(async ({ open }) => {
    const first = open();
    await first.root.folder("jobs").folder("one").writeText("job.json", "{}");
    const spool = await first.root.folder("jobs").folder("one").spool("output", { bytes: 100_000 });
    await spool.append(1, new TextEncoder().encode("hello"), 5);
    await spool.close();
    first.close();
    const second = open();
    assertEquals(await second.root.folder("jobs").folders(), ["one"]);
    const one = second.root.folder("jobs").folder("one");
    assertEquals(await one.readText("job.json"), "{}");
    assertEquals((await one.spool("output", { bytes: 100_000 })).end, 5);
    await one.remove();
    assertEquals(await second.root.folder("jobs").folders(), []);
    second.close();
  }));

Deno.test("a second agent keeps its state in memory and says why", () =>
  inDirectory(async ({ open, log }) => {
    const first = open();
    const second = open();
    assertEquals([first.isPersistent, second.isPersistent], [true, false]);
    assertEquals(log.lines.length, 1);
    assertStringIncludes(JSON.stringify(log.lines), "another agent is using it");
    await second.root.folder("jobs").writeText("a", "text");
    assertEquals(await second.root.folder("jobs").readText("a"), "text");
    first.close();
    const third = open();
    assertEquals(third.isPersistent, true);
    third.close();
  }));

Deno.test("a state directory that cannot be used is replaced by memory, with one line in the log", async (t) => {
  const obstacles: Readonly<Record<string, (path: string) => Promise<void>>> = {
    "a file": (path) => Deno.writeTextFile(path, ""),
    "a link": async (path) => {
      await Deno.mkdir(`${path}.real`);
      await Deno.symlink(`${path}.real`, path);
    },
    "a directory of a stranger": async (path) => {
      await Deno.mkdir(path);
      await Deno.chown(path, 12345, 12345);
    },
    "a lock of a stranger": async (path) => {
      await Deno.mkdir(path);
      await Deno.writeTextFile(`${path}/lock`, "");
      await Deno.chown(`${path}/lock`, 12345, 12345);
    },
    "a lock that is a directory": (path) => Deno.mkdir(`${path}/lock`, { recursive: true }),
  };
  for (const [name, arrange] of Object.entries(obstacles)) {
    await t.step({
      name,
      ignore: name.includes("stranger") && Deno.uid() !== 0,
      fn: () =>
        inDirectory(async ({ directory, open, log }) => {
          await arrange(`${directory}/state`);
          const state = open();
          assertEquals(state.isPersistent, false);
          assertEquals(log.lines.length, 1);
        }),
    });
  }
});

Deno.test("a state directory that file_write may change is not used", () =>
  inDirectory(({ directory, log }) => {
    const changeable = { ...security, allowed_write_paths: [directory] };
    const state = openState({ state_directory: `${directory}/state`, security: changeable }, log);
    assertEquals(state.isPersistent, false);
    assertStringIncludes(JSON.stringify(log.lines), "allowed_write_paths");
    return Promise.resolve();
  }));

Deno.test("with null, state is in memory without a word", () =>
  inDirectory(({ open, log }) => {
    assertEquals(open(null).isPersistent, false);
    assertEquals(log.lines.length, 0);
    return Promise.resolve();
  }));

Deno.test("files and links that are not the agent's own are neither listed nor read", async () => {
  await inDirectory(async ({ directory, open }) => {
    const state = open();
    const jobs = state.root.folder("jobs");
    await jobs.writeText("mine", "mine");
    const path = `${directory}/state/jobs`;
    await Deno.symlink("/etc/passwd", `${path}/link`);
    await Deno.symlink("/etc", `${path}/directory`);
    assertEquals(await jobs.readText("link"), undefined);
    assertEquals(await jobs.folders(), []);
    if (Deno.uid() === 0) {
      await Deno.writeTextFile(`${path}/theirs`, "");
      await Deno.chown(`${path}/theirs`, 12345, 12345);
      assertEquals(await jobs.readText("theirs"), undefined);
    }
    state.close();
  });
});

Deno.test("a folder that is removed while the agent runs is created again", () =>
  inDirectory(async ({ directory, open }) => {
    const state = open();
    const folder = state.root.folder("jobs").folder("one");
    const spool = await folder.spool("output", { bytes: 1000 });
    await spool.append(1, new Uint8Array(10_000), 10_000);
    await Deno.remove(`${directory}/state`, { recursive: true });
    assert(await spool.append(1, new Uint8Array(10_000), 10_000));
    const { lost, next } = await spool.read(0, { maxBytes: 100_000 });
    assertEquals([lost, next], [10_000, 20_000]);
    await spool.close();
    state.close();
  }));

Deno.test("a name that could leave the folder is a bug of the caller", () =>
  inDirectory(({ open }) => {
    const state = open();
    for (const name of ["", ".", "..", "../x", "a/b", ".hidden", "x".repeat(65), "a\0b"]) {
      assertThrows(() => state.root.folder(name), TypeError);
    }
    state.close();
    return Promise.resolve();
  }));
