/**
 * A link swapped in while requests run, by a real process: nothing outside is ever read, made or
 * changed, and nothing is left behind.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import { type AgentOptions, type Paths, TestAgent, unconfined } from "./_agent.ts";
import { errorOf, type Host, type Message } from "./_host.ts";
import { timed, until } from "../_waiting.ts";
import { COMMAND_FAILED, NOT_FOUND, PERMISSION_DENIED, TIMEOUT } from "../_error_codes.ts";

const ATTACKER = fromFileUrl(new URL("_attacker.ts", import.meta.url));

/** What an honest answer may be while names change: done, refused, or not there at the moment. */
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
}

/** Everything of the outside that an attack could read into, change or add to. */
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

/** Files of the agent's own that it has left; a link of that name is the attacker's. */
async function leftBelow(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile, isDirectory } of Deno.readDir(directory)) {
    if (isFile && name.includes(".kvmmanager")) names.push(`${directory}/${name}`);
    if (isDirectory) names.push(...await leftBelow(`${directory}/${name}`));
  }
  return names;
}

/** The attacker, running from construction to disposal. */
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

  /** Ends it and tells how often it swapped. */
  async stop(): Promise<number> {
    if (this.#swaps === undefined) {
      await this.#child.stdin.close();
      this.#swaps = Number(await new Response(this.#child.stdout).text());
      assertEquals((await this.#child.status).code, 0, "the attacker ends well");
    }
    return this.#swaps;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Counts of answers by what they were: "ok" or the error's code. */
type Tally = Map<string | number, number>;

/**
 * Sends requests, some at once, until so many are answered and each of the `wanted` outcomes has
 * been seen; the attack is none where the agent never meets both states.
 */
async function storm(
  host: Host,
  { next, judge, count, wanted }: {
    next: (index: number) => readonly [method: string, params: Record<string, unknown>];
    judge: (answer: Message) => void;
    count: number;
    wanted: readonly (string | number)[];
  },
): Promise<Tally> {
  const tally: Tally = new Map();
  const deadline = performance.now() + 40_000;
  const isDone = (index: number) =>
    index >= count && (wanted.every((one) => tally.has(one)) || performance.now() > deadline);
  let index = 0;
  const worker = async () => {
    while (!isDone(index)) {
      const answer = await host.request(...next(index++));
      judge(answer);
      const outcome = "result" in answer ? "ok" : errorOf(answer).code;
      tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  for (const one of wanted) {
    assert(tally.has(one), `${one} was met, among ${JSON.stringify([...tally])}`);
  }
  return tally;
}

function assertHonest(answer: Message): void {
  assert(!JSON.stringify(answer).includes("secret"), `a secret in ${JSON.stringify(answer)}`);
  if ("result" in answer) return;
  const { code, data } = errorOf(answer);
  assert(HONEST.includes(code), `an honest refusal, not ${code} ${data.reason}`);
}

/** With Deno's own check behind the agent's, and without. */
const AGENTS: readonly (readonly [string, AgentOptions])[] = [
  ["confined", { prepare: makeTrees }],
  ["unconfined", { prepare: makeTrees, flags: unconfined }],
];

const READS = AGENTS.flatMap(([name, options]) => [
  { name, options, what: "file", paths: ["f"] } as const,
  { name, options, what: "directory", paths: ["d/f", "d/sub/f"] } as const,
]);

for (const { name, options, what, paths } of READS) {
  Deno.test(`${name}: a ${what} that is swapped for a link: thousands of reads never see outside`, async () => {
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
      assert(await attacker.stop() > 100, "it really swapped");
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
  Deno.test(`${name}: a ${what} that is swapped for a link: hundreds of writes never reach outside`, async () => {
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
            // The temporary file is what whole writes have.
            ...(kind === 3 && what !== "temporary" ? { offset: 0 } : {}),
          }];
        },
        judge: assertHonest,
        count: 600,
        wanted: what === "temporary" ? ["ok"] : ["ok", PERMISSION_DENIED],
      });
      assert(await attacker.stop() > 20, "it really swapped");
    }
    assertEquals(await stateOf(outsideOf(agent.paths)), before, "nothing outside has changed");
    assertEquals(await leftBelow(files), [], "nothing is left behind");
    await host.ping();
  });
}

// One at a time: what waits to read from a FIFO lets in what waits to write to it.
for (const method of ["file_read", "file_write"]) {
  Deno.test(`a FIFO that is swapped in holds no ${method} up for longer than the timeout`, async () => {
    await using agent = await TestAgent.start({
      config: () => ({ request_timeout_seconds: 1 }),
      prepare: async (paths) => {
        await makeTrees(paths);
        const made = await new Deno.Command("mkfifo", { args: [`${paths.files}/fifo`] }).output();
        assert(made.success, "mkfifo");
      },
    });
    await using host = await agent.connect();
    const { files } = agent.paths;
    const slow: string[] = [];
    try {
      await using _attacker = new Attacker("fifo", agent.paths);
      const deadline = performance.now() + 3000;
      let index = 0;
      const worker = async () => {
        while (performance.now() < deadline) {
          const params = {
            path: `${files}/f`,
            ...(method === "file_write" ? { content: "inside" } : {}),
            ...(index++ % 4 === 0 ? {} : { offset: 0 }),
          };
          const { value, ms } = await timed(() => host.request(method, params));
          if (ms > 4000) slow.push(`${ms} ms: ${JSON.stringify(value)}`);
          if ("result" in value) continue;
          const { code, data } = errorOf(value);
          assert([...HONEST, TIMEOUT].includes(code), `${code} ${data.reason}`);
        }
      };
      await Promise.all(Array.from({ length: 8 }, worker));
      assertEquals(slow, [], "answered in time");
      // Ten places: were they taken by what never ends, this would not be answered.
      for (let round = 0; round < 20; round++) {
        assert("result" in await host.request("get_system_info", undefined, 5000));
      }
      await until(
        async () => {
          const text = await Deno.readTextFile(`/proc/${agent.pid}/task/${agent.pid}/children`);
          return text.trim() === "";
        },
        "no shell of the agent's to hang",
        5000,
      );
    } finally {
      // Whatever waits for the other end of the FIFO all the same would outlive the test.
      (await Deno.open(`${files}/fifo`, { read: true, write: true })).close();
    }
  });
}
