/**
 * Another process swaps files for links and FIFOs while requests run: nothing outside is ever read,
 * created or changed, nothing hangs, and nothing is left behind.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import { type AgentOptions, type Paths, TestAgent, unconfined } from "./_agent.ts";
import { errorOf, type Host, type Message } from "./_host.ts";
import { tool } from "../_tool.ts";
import { timed, until } from "../_waiting.ts";
import { COMMAND_FAILED, NOT_FOUND, PERMISSION_DENIED, TIMEOUT } from "../_error_codes.ts";

const ATTACKER = fromFileUrl(new URL("_attacker.ts", import.meta.url));

/** Errors that are correct while names change: refused, or missing at the moment. */
const HONEST = [COMMAND_FAILED, PERMISSION_DENIED, NOT_FOUND];

const outsideOf = ({ directory }: Paths) => `${directory}/outside`;

async function makeTrees(paths: Paths): Promise<void> {
  const { files } = paths;
  await Deno.mkdir(`${files}/d/sub`, { recursive: true });
  await Deno.mkdir(`${outsideOf(paths)}/sub`, { recursive: true });
  for (const path of ["f", "d/f", "d/sub/f"]) {
    await Deno.writeTextFile(`${files}/${path}`, "inside");
  }
  for (const path of ["f", "sub/f"]) {
    await Deno.writeTextFile(`${outsideOf(paths)}/${path}`, "secret");
  }
  // The attacker stands for another user: the agent must see that others can write here.
  for (const path of ["", "/d", "/d/sub"]) await Deno.chmod(`${files}${path}`, 0o777);
}

/** Everything about the outside that an attack could change. */
async function stateOf(directory: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (path: string) => {
    const info = await Deno.lstat(path);
    const content = info.isFile ? await Deno.readTextFile(path) : "";
    const { ino, mode, size, nlink } = info;
    found.push([path, ino, mode, size, nlink, info.mtime?.getTime(), content].join(" "));
    if (info.isDirectory) {
      for await (const { name } of Deno.readDir(path)) await walk(`${path}/${name}`);
    }
  };
  await walk(directory);
  return found.sort();
}

/** The agent's temporary files that are left; a link of that name is the attacker's. */
async function leftBelow(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile, isDirectory } of Deno.readDir(directory)) {
    if (isFile && name.includes(".kvmmanager")) names.push(`${directory}/${name}`);
    if (isDirectory) names.push(...await leftBelow(`${directory}/${name}`));
  }
  return names;
}

/** The attacker in `_attacker.ts`, running from construction to disposal. */
class Attacker implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  #swaps: number | undefined;

  constructor(what: "file" | "directory" | "fifo" | "temporary", paths: Paths) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-config", "-A", ATTACKER, what, paths.files, outsideOf(paths)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  }

  /** Ends it and returns how often it swapped. */
  async stop(): Promise<number> {
    if (this.#swaps === undefined) {
      await this.#child.stdin.close();
      this.#swaps = Number(await new Response(this.#child.stdout).text());
      assertEquals((await this.#child.status).code, 0, "the attacker's exit status");
    }
    return this.#swaps;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The number of answers by outcome: "ok" or the error's code. */
type Tally = Map<string | number, number>;

/**
 * Sends requests, eight at a time, until `count` are answered and each of the `wanted` outcomes has
 * been seen. Without both outcomes the agent never met the swapped state, and nothing was tested.
 */
async function storm(
  host: Host,
  { next, judge, count, wanted, onTime }: {
    next: (index: number) => readonly [method: string, params: Record<string, unknown>];
    judge: (answer: Message) => void;
    count: number;
    wanted: readonly (string | number)[];
    /** Gets how long each request took, in milliseconds. */
    onTime?: (ms: number) => void;
  },
): Promise<Tally> {
  const tally: Tally = new Map();
  const deadline = performance.now() + 40_000;
  const isDone = (index: number) =>
    index >= count && (wanted.every((one) => tally.has(one)) || performance.now() > deadline);
  let index = 0;
  const worker = async () => {
    while (!isDone(index)) {
      const { value: answer, ms } = await timed(() => host.request(...next(index++)));
      onTime?.(ms);
      judge(answer);
      const outcome = "result" in answer ? "ok" : errorOf(answer).code;
      tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  for (const one of wanted) {
    assert(tally.has(one), `${one} never happened: ${JSON.stringify([...tally])}`);
  }
  return tally;
}

function assertHonest(answer: Message): void {
  assert(!JSON.stringify(answer).includes("secret"), `a secret in ${JSON.stringify(answer)}`);
  if ("result" in answer) return;
  const { code, data } = errorOf(answer);
  assert(HONEST.includes(code), `${code} ${data.reason}`);
}

/** With Deno's own checks behind the agent's, and without. */
const AGENTS: readonly (readonly [string, AgentOptions])[] = [
  ["confined", { prepare: makeTrees }],
  ["unconfined", { prepare: makeTrees, flags: unconfined }],
];

const READS = AGENTS.flatMap(([name, options]) => [
  { name, options, what: "file", paths: ["f"] } as const,
  { name, options, what: "directory", paths: ["d/f", "d/sub/f"] } as const,
]);

for (const { name, options, what, paths } of READS) {
  Deno.test(`${name}: thousands of reads of a ${what} swapped for a link never see outside`, async () => {
    await using agent = await TestAgent.start(options);
    await using host = await agent.connect();
    const before = await stateOf(outsideOf(agent.paths));
    {
      await using attacker = new Attacker(what, agent.paths);
      const tally = await storm(host, {
        next: (index) => [
          "file_read",
          {
            path: `${agent.paths.files}/${paths[index % paths.length]}`,
            ...(index % 3 === 0 ? { offset: 0, length: 100 } : {}),
            encoding: index % 5 === 0 ? "base64" : "utf8",
          },
        ],
        judge: (answer) => {
          assertHonest(answer);
          if (!("result" in answer)) return;
          const text = JSON.stringify(answer);
          assert(/"content":"(inside|aW5zaWRl)?"/.test(text), text);
        },
        count: 3000,
        wanted: ["ok", PERMISSION_DENIED],
      });
      assert(await attacker.stop() > 100, "the number of swaps");
      assert((tally.get("ok") ?? 0) > 0);
    }
    assertEquals(await stateOf(outsideOf(agent.paths)), before);
    await host.ping();
  });
}

const WRITES = AGENTS.flatMap(([name, options]) => [
  { name, options, what: "file" } as const,
  { name, options, what: "directory" } as const,
  { name, options, what: "temporary" } as const,
]);

for (const { name, options, what } of WRITES) {
  Deno.test(`${name}: hundreds of writes to a ${what} swapped for a link never reach outside`, async () => {
    await using agent = await TestAgent.start(options);
    await using host = await agent.connect();
    const { files } = agent.paths;
    const before = await stateOf(outsideOf(agent.paths));
    const targets = what === "directory"
      ? ["d/f", "d/sub/f", "d/new", "d/sub/new", "d/made/by/request"]
      : ["f", "new"];
    {
      await using attacker = new Attacker(what, agent.paths);
      await storm(host, {
        next: (index) => {
          const kind = Math.floor(index / targets.length) % 4;
          return ["file_write", {
            path: `${files}/${targets[index % targets.length]}`,
            content: "inside",
            create_dirs: kind !== 0,
            ...(kind === 2 ? { permissions: "0700" } : {}),
            // Only whole writes have a temporary file.
            ...(kind === 3 && what !== "temporary" ? { offset: 0 } : {}),
          }];
        },
        judge: assertHonest,
        count: 400,
        wanted: what === "temporary" ? ["ok"] : ["ok", PERMISSION_DENIED],
      });
      assert(await attacker.stop() > 20, "the number of swaps");
    }
    assertEquals(await stateOf(outsideOf(agent.paths)), before, "nothing outside has changed");
    assertEquals(await leftBelow(files), [], "nothing is left behind");
    await host.ping();
  });
}

/** The file shells of the agent, each of which leads a process group. */
async function fileShellsOf(pid: number): Promise<string[]> {
  const children = (await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`)).trim();
  const leaders = await Promise.all(
    children.split(" ").filter(Boolean).map(async (child) => {
      const stat = await Deno.readTextFile(`/proc/${child}/stat`).catch(() => "");
      // After the name in parentheses: state, parent, process group.
      return stat.replace(/^.*\) /s, "").split(" ")[2] === child ? child : "";
    }),
  );
  return leaders.filter(Boolean);
}

// One method at a time: an open that reads from a FIFO releases one that writes to it.
for (const method of ["file_read", "file_write"]) {
  Deno.test(`a FIFO swapped in delays no ${method} beyond the time limit, and files open afterwards`, async () => {
    await using agent = await TestAgent.start({
      config: () => ({ request_timeout_seconds: 1 }),
      prepare: async (paths) => {
        await makeTrees(paths);
        await tool("mkfifo", `${paths.files}/fifo`);
      },
    });
    await using host = await agent.connect();
    const path = `${agent.paths.files}/f`;
    const fifo = `${agent.paths.files}/fifo`;
    const params = (index: number) => ({
      path,
      ...(method === "file_write" ? { content: "inside" } : {}),
      ...(index % 4 === 0 ? {} : { offset: 0 }),
    });
    const slow: string[] = [];
    try {
      {
        await using _attacker = new Attacker("fifo", agent.paths);
        await storm(host, {
          next: (index) => [method, params(index)],
          judge: (answer) => {
            if ("result" in answer) return;
            const { code, data } = errorOf(answer);
            assert([...HONEST, TIMEOUT].includes(code), `${code} ${data.reason}`);
          },
          count: 500,
          wanted: ["ok", COMMAND_FAILED],
          onTime: (ms) => ms > 4000 && slow.push(`${ms} ms`),
        });
        assertEquals(slow, [], "answers that came late");
        // If opens that never end took the ten slots, these would not be answered.
        for (let round = 0; round < 20; round++) {
          assert("result" in await host.request("get_system_info", undefined, 5000));
        }
      }
      await until(
        async () => (await fileShellsOf(agent.pid)).length === 0,
        "the file shells to end",
        10_000,
      );
      await Deno.link(fifo, `${path}.fifo`);
      await Deno.rename(`${path}.fifo`, path);
      assertEquals(errorOf(await host.request(method, params(0))).code, COMMAND_FAILED);
      await Deno.writeTextFile(`${path}.new`, "inside");
      await Deno.rename(`${path}.new`, path);
      await until(
        async () => "result" in await host.request(method, params(0)),
        "the file to open again",
      );
    } finally {
      // An open that still waits at the FIFO would outlive the test.
      (await Deno.open(fifo, { read: true, write: true })).close();
    }
  });
}
