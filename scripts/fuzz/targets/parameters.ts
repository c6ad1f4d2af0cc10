import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import { METHODS } from "../../../handlers/mod.ts";
import { FuzzAgent, PROGRAMS } from "../agent.ts";
import { answersIn, assertNoFault } from "../answers.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";
import { json, number, text } from "../values.ts";

/** Stands for the directory that may be used, whose name differs from run to run. */
const FILES = "<files>";
const ID = 1;

/**
 * Every method with valid, almost valid and invalid parameters: one answer, a result that matches
 * its schema or an error of the table, and nothing outside the allowed directory is ever touched.
 */
export const parameters = target({
  name: "parameters",
  input: z.strictObject({ method: z.string(), params: z.unknown() }),
  generate,
  open: async () => {
    const agent = await FuzzAgent.start();
    const outside = await makeOutside(agent);
    return {
      check: async ({ method, params }) => {
        const request = JSON.stringify({ jsonrpc: "2.0", method, params, id: ID });
        const sent = await agent.exchange(request.replaceAll(FILES, agent.files));
        const [answer, ...more] = sent.flatMap(answersIn);
        assert(answer !== undefined && more.length === 0, "one answer");
        assertEquals(answer.id, ID);
        assertNoFault(answer);
        if ("result" in answer) checkResult(method, answer.result);
        await checkOutside(agent, outside);
      },
      [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
    };
  },
});

const names = METHODS.map(({ name }) => name);

function generate(random: Random): { method: string; params: unknown } {
  const method = random.pick(METHODS);
  const schema = z.toJSONSchema(method.params, { io: "input", unrepresentable: "any" });
  const known = Object.keys(schema.properties ?? {});
  const members = known.filter(() => !random.oneIn(3)).map((name): [string, unknown] => [
    name,
    random.oneIn(6) ? json(random, 2) : likely(random, name),
  ]);
  if (random.oneIn(12)) members.push([text(random), json(random, 1)]);
  const params = random.oneIn(30) ? json(random) : Object.fromEntries(members);
  return { method: method.name, params };
}

/** A plausible value for a member with this name. */
function likely(random: Random, name: string): unknown {
  switch (name) {
    case "path":
      return path(random);
    case "working_directory":
      return random.oneIn(2) ? FILES : path(random);
    case "command":
      return random.oneIn(4) ? text(random) : random.pick(PROGRAMS);
    case "args":
      // Not a path in the guest: cat would read from a device forever.
      return random.many(4, () => text(random).replaceAll("/", ""));
    case "env":
      return Object.fromEntries(random.many(3, () => [
        random.oneIn(3) ? text(random) : random.pick(["A", "_b", "PATH", "HOME", "LD_PRELOAD"]),
        text(random),
      ]));
    case "encoding":
    case "input_encoding":
    case "output_encoding":
      return random.pick(["utf8", "base64"]);
    case "permissions":
      return random.pick(["0644", "600", "0777", "0000", "4755", "888", "0o644", ""]);
    case "content":
    case "input":
      return random.oneIn(3)
        ? random.bytes(random.below(2000)).toBase64()
        : text(random).repeat(random.below(4));
    case "offset":
    case "length":
      return random.oneIn(2) ? random.below(100) : number(random);
    case "timeout_seconds":
      return random.oneIn(4) ? number(random) : 1;
    case "capture_output":
    case "create_dirs":
    case "force":
      return random.oneIn(2);
    default:
      return json(random, 1);
  }
}

function path(random: Random): string {
  if (random.oneIn(8)) return text(random);
  const piece = () => random.oneIn(3) ? text(random) : random.pick(["a", "b", "..", ".", "", "d"]);
  return [FILES, ...random.many(3, piece)].join("/");
}

function checkResult(method: string, result: unknown): void {
  const found = METHODS.find(({ name }) => name === method);
  assert(found !== undefined, `a result of an unknown method, known are ${names}`);
  const checked = z.safeParse(found.result, result);
  assert(checked.success, `${JSON.stringify(result)}: ${checked.error?.message}`);
}

/** A file next to the directory, and what shows whether it was touched. */
async function makeOutside(agent: FuzzAgent): Promise<string> {
  await Deno.writeTextFile(`${agent.directory}/outside`, "outside");
  return await stateOf(agent);
}

async function checkOutside(agent: FuzzAgent, before: string): Promise<void> {
  assertEquals(await stateOf(agent), before, "nothing outside the allowed directory has changed");
}

async function stateOf({ directory }: FuzzAgent): Promise<string> {
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
  const { ino, mode, size, mtime, ctime } = await Deno.lstat(`${directory}/outside`);
  return JSON.stringify({ names, ino, mode, size, mtime, ctime });
}
