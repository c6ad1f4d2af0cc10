/**
 * Values that are made when they are first needed.
 *
 * @module
 */

/**
 * A function that returns the value, and makes it when it is first called. Making a schema takes a
 * tenth of a millisecond and more, and most agents never need most of theirs.
 */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
