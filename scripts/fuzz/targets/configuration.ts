import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import { ConfigError, parseConfig } from "../../../lib/config/load.ts";
import { type Config, defaultConfig } from "../../../lib/config/schema.ts";
import { permissionsFor } from "../../../lib/platform/linux/grants.ts";
import { permissionFlags } from "../../../lib/platform/permissions.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";
import { json, mutated, text } from "../values.ts";

const PATHS = ["/", "/tmp", "/tmp/", "/a,b", "/a b", "/é", "/tmp/../etc", "//x", "relative", "/\0"];

/**
 * Any configuration file is accepted, or refused with reasons; an accepted one reads back
 * unchanged, and Deno is granted exactly what it allows.
 */
export const configuration = target({
  name: "configuration",
  input: z.strictObject({ text: z.string() }),
  generate: (random) => ({ text: generate(random) }),
  open: () => ({ text }) => check(text),
});

function generate(random: Random): string {
  const config = mutatedMember(random, defaultConfig(), 2);
  const whole = JSON.stringify(config);
  if (!random.oneIn(4)) return whole;
  return new TextDecoder().decode(mutated(random, new TextEncoder().encode(whole)));
}

/** The object with a few of its members changed, left out or added. */
function mutatedMember(random: Random, object: object, depth: number): object {
  const members = Object.entries(object).flatMap(([name, value]): [string, unknown][] => {
    if (random.oneIn(4)) return [];
    if (typeof value === "object" && value !== null && !Array.isArray(value) && depth > 0) {
      return [[name, random.oneIn(10) ? json(random) : mutatedMember(random, value, depth - 1)]];
    }
    if (!random.oneIn(6)) return [[name, value]];
    if (/paths$|whitelist$/.test(name)) {
      return [[name, random.many(3, () => random.oneIn(4) ? text(random) : random.pick(PATHS))]];
    }
    return [[name, random.oneIn(3) ? random.pick(PATHS) : json(random, 1)]];
  });
  const more = random.oneIn(10) ? [[text(random), json(random, 1)] as const] : [];
  return Object.fromEntries([...members, ...more]);
}

function check(text: string): void {
  let config: Config;
  try {
    config = parseConfig(text, "config.json");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert(error.problems.length > 0, "a refusal has a reason");
    for (const problem of error.problems) {
      assert(problem.length > 0 && !problem.includes("\n"), `one line: ${JSON.stringify(problem)}`);
    }
    return;
  }
  assertEquals(parseConfig(JSON.stringify(config), "again"), config, "it reads back as the same");
  checkPermissions(config);
}

function checkPermissions(config: Config): void {
  const permissions = permissionsFor(config);
  const { security } = config;
  for (const path of [...permissions.read, ...permissions.write]) {
    assert(path.startsWith("/"), `absolute: ${JSON.stringify(path)}`);
    assert(!/\0|(^|\/)\.\.?(\/|$)|\/\//.test(path), `normal: ${JSON.stringify(path)}`);
  }
  assertEquals(permissions.run === "all", security.command_whitelist === null);
  const flags = permissionFlags(permissions);
  for (const name of ["read", "write", "run", "sys", "net"]) {
    const values = flags.filter((flag) => flag.startsWith(`--allow-${name}`));
    assert(values.length <= 1, `--allow-${name} comes once`);
  }
  assert(!flags.some((flag) => /^--allow-(all|env|ffi|import)/.test(flag)), "nothing else granted");
  assert(!flags.includes("--allow-read") && !flags.includes("--allow-write"), "never everything");
  assert(!flags.includes("--allow-net"), "no network but sockets");
  const written = flags.find((flag) => flag.startsWith("--allow-write="));
  assertEquals(
    written === undefined ? [] : splitList(written.slice("--allow-write=".length)),
    permissions.write,
    "the list reads back as the paths",
  );
}

/** A list as Deno reads it: a comma that is doubled belongs to a path. */
const splitList = (list: string): string[] =>
  list.replaceAll(",,", "\0").split(",").map((value) => value.replaceAll("\0", ","));
