/**
 * The corpus: inputs that once failed, or are known to be hard, one per file.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import * as z from "zod";
import { judge } from "./run.ts";
import type { Target } from "./target.ts";

/** A folder for each target. */
export const CORPUS = fromFileUrl(new URL("../../tests/corpus", import.meta.url));

const Entry = z.strictObject({
  /** What failed, or what is hard about it. */
  why: z.string(),
  input: z.unknown(),
});

/** The outcome of one file. */
export interface Replayed {
  /** Such as `lines/character-cut-in-two.json`. */
  readonly file: string;
  readonly why: string;
  /** What fails (again), or `undefined`. */
  readonly error: unknown;
}

/** The names in a directory, sorted. */
export const namesIn = async (directory: string): Promise<string[]> =>
  (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();

/** Tries every file of the corpus. */
export async function* replay(targets: readonly Target[]): AsyncGenerator<Replayed> {
  for (const target of targets) {
    const opened = await target.open();
    await using _opened = opened;
    for (const name of await namesIn(`${CORPUS}/${target.name}`)) {
      const file = `${target.name}/${name}`;
      const text = await Deno.readTextFile(`${CORPUS}/${file}`);
      const { why, input } = z.parse(Entry, JSON.parse(text));
      yield { file, why, error: await judge(opened, input) };
    }
  }
}
