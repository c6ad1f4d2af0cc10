/**
 * Shrinks a failing input: removes every part without which it still fails.
 *
 * @module
 */

/** Whether an input still fails in the same way. */
export type Fails = (input: unknown) => Promise<boolean>;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * A smaller input that also fails, after a limited number of tries; the input itself if there is
 * none.
 */
export async function shrink(input: unknown, fails: Fails, tries = 2000): Promise<unknown> {
  let smallest = input;
  let left = tries;
  for (let hasShrunk = true; hasShrunk && left > 0;) {
    hasShrunk = false;
    for (const candidate of smaller(smallest)) {
      if (left-- <= 0) break;
      if (!await fails(candidate)) continue;
      smallest = candidate;
      hasShrunk = true;
      break;
    }
  }
  return smallest;
}

/** Inputs that are a little smaller, the largest steps first. */
function* smaller(value: unknown): Generator<unknown> {
  if (typeof value === "string") yield* shorter(value, (from, to) => value.slice(from, to));
  else if (typeof value === "number" && value !== 0) yield* [0, Math.trunc(value / 2)];
  else if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    yield* shorter(items, (from, to) => items.slice(from, to), (a, b) => [...a, ...b]);
    for (const [index, item] of items.entries()) {
      for (const less of smaller(item)) yield items.with(index, less);
    }
  } else if (isRecord(value)) {
    for (const name of Object.keys(value)) {
      yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
      for (const less of smaller(value[name])) yield { ...value, [name]: less };
    }
  }
}

/** The sequence without a half, a quarter … of it. */
function* shorter<Sequence extends { readonly length: number }>(
  { length }: Sequence,
  slice: (from: number, to: number) => Sequence,
  join: (a: Sequence, b: Sequence) => unknown = (a, b) => `${a}${b}`,
): Generator<unknown> {
  for (let size = Math.ceil(length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < length; at += size) {
      yield join(slice(0, at), slice(Math.min(at + size, length), length));
    }
  }
}
