import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import { ERRORS } from "../../../lib/base/errors.ts";
import { FuzzAgent } from "../agent.ts";
import { answersIn, codeOf } from "../answers.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";
import {
  expectedOf,
  isLinkedRoot,
  type Outcome,
  Request,
  Tree,
  type TreeEntry,
} from "./paths/model.ts";

/** Names that are easily confused. */
const NAMES = ["a", "b", "A", "aa", "é", "e\u0301", "a b", "-n", ".a"];

const Input = z.strictObject({ tree: Tree, roots: z.array(z.string()), request: Request });

/**
 * The path policy against a model of it, on a real tree with links: what may be read or written is
 * what the model says, a read gives that very file's content, a write changes that file and nothing
 * else in the whole tree.
 */
export const paths = target({
  name: "paths",
  input: Input,
  generate,
  open: async () => {
    const agent = await FuzzAgent.start();
    return {
      check: async (input) => {
        const base = `${agent.directory}/tree`;
        await Deno.mkdir(base);
        try {
          await check(agent, base, input);
        } finally {
          await Deno.remove(base, { recursive: true });
        }
      },
      [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
    };
  },
});

function generate(random: Random): z.output<typeof Input> {
  const component = () => random.pick(NAMES);
  const inside = (most: number) => Array.from({ length: random.between(1, most) }, component);
  const tree = random.many(8, (): TreeEntry => {
    const path = `/${inside(3).join("/")}`;
    if (random.oneIn(3)) return { kind: "link", path, to: linkTarget(random, inside) };
    return random.oneIn(2) ? { kind: "directory", path } : { kind: "file", path };
  });
  const known = tree.map(({ path }) => path);
  const roots = random.many(2, () => random.oneIn(3) ? `/${inside(2).join("/")}` : "")
    .concat(known.length > 0 && random.oneIn(2) ? [random.pick(known)] : []);
  const near = known.length > 0 && !random.oneIn(4) ? random.pick(known) : "";
  const twist = () => random.pick(["", ".", "..", component(), component()]);
  const path = [near, ...random.many(random.oneIn(2) ? 1 : 4, twist)].join("/") || "/";
  const method = random.oneIn(5) ? "file_write" : "file_read";
  return {
    tree,
    roots,
    request: {
      method,
      path: path.startsWith("/") ? path : `/${path}`,
      createDirectories: random.oneIn(2),
      inPlace: random.oneIn(3),
    },
  };
}

/** Relative or absolute (below the tree), to something or to nothing. */
function linkTarget(random: Random, inside: (most: number) => string[]): string {
  if (random.oneIn(2)) return `/${inside(2).join("/")}`;
  return [...random.many(2, () => ".."), ...inside(2)].join("/");
}

async function check(
  agent: FuzzAgent,
  base: string,
  { tree, roots, request }: z.output<typeof Input>,
): Promise<void> {
  await build(base, tree);
  const before = await snapshot(base);
  const modelled = [...new Set(roots)].filter((root) => !isLinkedRoot(before, root));
  const allowed = modelled.map((root) => `${base}${root}`);
  agent.allow({ allowed_read_paths: allowed, allowed_write_paths: allowed });
  const expected = expectedOf(before, modelled, request);
  const params = request.method === "file_read"
    ? { path: `${base}${request.path}`, ...(request.inPlace ? { offset: 0 } : {}) }
    : {
      path: `${base}${request.path}`,
      content: "written",
      create_dirs: request.createDirectories,
      ...(request.inPlace ? { offset: 0 } : {}),
    };
  const line = JSON.stringify({ jsonrpc: "2.0", method: request.method, params, id: 1 });
  const [answer] = (await agent.exchange(line)).flatMap(answersIn);
  assert(answer !== undefined);
  const said = JSON.stringify(answer);
  if (expected.kind === "refused") {
    const code = codeOf(answer);
    const codes: number[] = expected.because.map((name) => ERRORS[name].code);
    assert(code !== undefined && codes.includes(code), `${expected.because}, received ${said}`);
  } else {
    assert("result" in answer, `${expected.kind} ${expected.path}, received ${said}`);
    if (expected.kind === "read") {
      const { content } = z.parse(z.looseObject({ content: z.string() }), answer.result);
      assertEquals(content, expected.content, "the content of that very file");
    }
  }
  assertEquals(await snapshot(base), after(before, expected), "what the tree has become");
}

/** The tree after the request. */
function after(before: ReadonlyMap<string, string>, outcome: Outcome): Map<string, string> {
  const tree = new Map(before);
  if (outcome.kind === "written") {
    for (const directory of outcome.madeDirectories) tree.set(directory, "directory");
    tree.set(outcome.path, `file ${outcome.content}`);
  } else if (outcome.kind === "refused") {
    // Directories that were created before a later one failed are harmless.
    for (const directory of outcome.madeDirectories) tree.set(directory, "directory");
  }
  return new Map([...tree].sort());
}

/** Creates what can be created: an entry that already exists, or is below a file, is left out. */
async function build(base: string, tree: readonly TreeEntry[]): Promise<void> {
  for (const entry of tree) {
    const path = `${base}${entry.path}`;
    try {
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      if (entry.kind === "directory") await Deno.mkdir(path);
      else if (entry.kind === "file") {
        await Deno.writeTextFile(path, `content of ${entry.path}`, { createNew: true });
      } else {
        await Deno.symlink(entry.to.startsWith("/") ? `${base}${entry.to}` : entry.to, path);
      }
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error)) throw error;
    }
  }
}

/** Every path below the base with what it is; links are not followed. */
async function snapshot(base: string): Promise<Map<string, string>> {
  const found = new Map<string, string>([["", "directory"]]);
  const walk = async (path: string) => {
    for await (const { name, isDirectory, isSymlink } of Deno.readDir(`${base}${path}`)) {
      const below = `${path}/${name}`;
      if (isSymlink) found.set(below, "link");
      else if (isDirectory) {
        found.set(below, "directory");
        await walk(below);
      } else found.set(below, `file ${await Deno.readTextFile(`${base}${below}`)}`);
    }
  };
  await walk("");
  return new Map([...found].sort());
}
