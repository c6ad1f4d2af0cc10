/**
 * A fuzz target: how to generate inputs, and what must be true of each of them.
 *
 * @module
 */

import * as z from "zod";
import type { Random } from "./random.ts";

/** The definition of a target; see {@link target}. */
export interface TargetDefinition<Schema extends z.ZodMiniType> {
  /** Also the name of its folder in tests/corpus. */
  readonly name: string;
  /** The schema of an input, which is JSON: a failing input is kept as a file. */
  readonly input: Schema;
  readonly generate: (random: Random) => z.output<Schema>;
  /** Prepares what all inputs share; a function if there is nothing to dispose of. */
  readonly open: () => Opened<z.output<Schema>> | Promise<Opened<z.output<Schema>>>;
}

/** Judges inputs; disposed of after the last one. */
export interface Judge<Input> extends AsyncDisposable {
  /** Resolves if the input passes. @throws the failure. */
  check(input: Input): Promise<void>;
}

type Check<Input> = (input: Input) => void | Promise<void>;
type Opened<Input> = Judge<Input> | Check<Input>;

/** A target with its input's type hidden. */
export interface Target {
  readonly name: string;
  generate(random: Random): unknown;
  open(): Promise<Judge<unknown>>;
}

/** An input that does not match the target: the corpus file is wrong. */
export class NoInputError extends Error {
  override readonly name = "NoInputError";
}

/** Turns a definition into a target. */
export function target<Schema extends z.ZodMiniType>(
  { name, input, generate, open }: TargetDefinition<Schema>,
): Target {
  return {
    name,
    generate,
    open: async () => {
      const opened = await open();
      const check = typeof opened === "function" ? opened : opened.check;
      return {
        check: async (value) => {
          const parsed = z.safeParse(input, value);
          if (!parsed.success) throw new NoInputError(z.prettifyError(parsed.error));
          await check(parsed.data);
        },
        [Symbol.asyncDispose]: async () => {
          if (typeof opened !== "function") await opened[Symbol.asyncDispose]();
        },
      };
    },
  };
}
