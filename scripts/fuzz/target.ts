/**
 * What a fuzz target is: a way to make inputs, and what must hold for each of them.
 *
 * @module
 */

import * as z from "zod";
import type { Random } from "./random.ts";

/** How a target is written down; see {@link target}. */
export interface TargetDefinition<Schema extends z.ZodMiniType> {
  /** Also the name of its folder in tests/corpus. */
  readonly name: string;
  /** The form of an input, which is JSON: a find is kept as a file. */
  readonly input: Schema;
  readonly generate: (random: Random) => z.output<Schema>;
  /** Prepares what all inputs share; a function where there is nothing to be disposed of. */
  readonly open: () => Opened<z.output<Schema>> | Promise<Opened<z.output<Schema>>>;
}

/** Judges inputs; disposed of when no more come. */
export interface Judge<Input> extends AsyncDisposable {
  /** Resolves when all that must hold does. @throws what does not. */
  check(input: Input): Promise<void>;
}

type Check<Input> = (input: Input) => void | Promise<void>;
type Opened<Input> = Judge<Input> | Check<Input>;

/** A target whose input's type stays inside. */
export interface Target {
  readonly name: string;
  generate(random: Random): unknown;
  open(): Promise<Judge<unknown>>;
}

/** An input that is none of the target's: a corpus file was written wrongly. */
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
