/**
 * Types for the part of `deno-std` that this project uses.
 *
 * The npm package contains only JavaScript, and TypeScript treats undeclared values as `any`: wrong
 * calls would go unnoticed. `scripts/check_std_types.ts` proves that none does.
 */

declare module "@std/assert" {
  /** Fails unless both are deeply equal. */
  export function assertEquals<T>(actual: T, expected: T, message?: string): void;
  /** Fails if both are deeply equal. */
  export function assertNotEquals<T>(actual: T, expected: T, message?: string): void;
  /** Fails unless `expression` is truthy. */
  export function assert(expression: unknown, message?: string): asserts expression;
  /** Fails unless `actual` has every member of `expected`, deeply. */
  export function assertObjectMatch(
    // deno-lint-ignore no-explicit-any -- an interface has no index signature, but must be accepted
    actual: Record<PropertyKey, any>,
    expected: Record<PropertyKey, unknown>,
    message?: string,
  ): void;
  /** Fails unless `actual` contains `expected`. */
  export function assertStringIncludes(actual: string, expected: string, message?: string): void;
  /** Fails unless `actual` matches `expected`. */
  export function assertMatch(actual: string, expected: RegExp, message?: string): void;
  /** Fails unless `fn` throws; returns what it threw. */
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    // deno-lint-ignore no-explicit-any -- a constructor of any parameters
    ErrorClass?: abstract new (...args: any[]) => E,
    messageIncludes?: string,
    message?: string,
  ): E;
  /** Fails unless the promise is rejected; resolves to the reason. */
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    // deno-lint-ignore no-explicit-any -- a constructor of any parameters
    ErrorClass?: abstract new (...args: any[]) => E,
    messageIncludes?: string,
    message?: string,
  ): Promise<E>;
  /** Always fails. */
  export function fail(message?: string): never;
}

declare module "@std/cli/parse-args" {
  /** The options of `parseArgs` that this project uses. */
  export interface ParseOptions<B extends string, S extends string, C extends string> {
    boolean?: readonly B[];
    string?: readonly S[];
    /** Options that may be given several times: their values come as a list. */
    collect?: readonly C[];
    alias?: Record<string, string | readonly string[]>;
    stopEarly?: boolean;
    /** Called for undeclared arguments; `false` leaves them out of the result. */
    unknown?: (argument: string, key?: string, value?: unknown) => unknown;
  }
  /** The values found; a string option that was not given is absent, a collected one empty. */
  export type Args<B extends string, S extends string, C extends string> =
    & { [K in B]: boolean }
    & { [K in Exclude<S, C | "_">]?: string }
    & { [K in C]: string[] }
    & { _: (string | number)[] };
  /** Parses a command line. */
  export function parseArgs<
    B extends string = never,
    S extends string = never,
    C extends string = never,
  >(args: readonly string[], options?: ParseOptions<B, S, C>): Args<B, S, C>;
}

declare module "@std/path/posix" {
  /** Everything before the last component. */
  export function dirname(path: string): string;
  /** The last component. */
  export function basename(path: string, suffix?: string): string;
  /** The paths joined by `/` and normalised. */
  export function join(path: string, ...paths: string[]): string;
  /** `.`, `..` and repeated slashes resolved lexically. */
  export function normalize(path: string): string;
  /** Whether the path begins with `/`. */
  export function isAbsolute(path: string): boolean;
  /** An absolute path, from right to left, against the working directory. */
  export function resolve(...paths: string[]): string;
  /** The path of a `file:` URL. */
  export function fromFileUrl(url: string | URL): string;
}

declare module "@std/streams/text-line-stream" {
  /** Splits text into lines, without line terminators (`
`, `\r
`). */
  export class TextLineStream extends TransformStream<string, string> {
    constructor(options?: { allowCR?: boolean });
  }
}

declare module "@std/text/closest-string" {
  /** The one of `possibleWords` with the smallest edit distance to `givenWord`. */
  export function closestString(givenWord: string, possibleWords: readonly string[]): string;
}

declare module "@std/yaml" {
  /** The one document that the text holds. Throws a `SyntaxError` if it is not YAML. */
  export function parse(content: string): unknown;
}
