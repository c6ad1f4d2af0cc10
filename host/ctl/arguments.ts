/**
 * The usual spellings of options that the parser does not know by itself.
 *
 * @module
 */

/** Options that take the next word as their value. */
const OPTIONS_WITH_VALUE: readonly string[] = [
  "--socket",
  "--domain",
  "--channels",
  "--hostd",
  "--timeout",
  "--ttl",
  "--cwd",
  "--id",
  "--keep",
  "--env",
  "-e",
  "--mode",
  "--count",
  "-c",
  "--interval",
  "-i",
  "--since",
  "--unit",
  "-u",
  "--lines",
  "--fleet",
  "--creds",
  "--tenant",
  "--label",
  "--parallel",
  "--per-host",
  "--batch",
  "--max-failures",
];

/** Beside them, those of commands that run programs: elsewhere `-l` may be a flag. */
const RUNNER_OPTIONS_WITH_VALUE: readonly string[] = [...OPTIONS_WITH_VALUE, "-l"];

/** Commands whose arguments are a program and its own arguments. */
const RUNNERS: readonly string[] = ["exec", "shell", "job"];

/** `-c1`: a short option with its value in the same word. */
const JOINED_VALUE_REGEXP = /^(-[eciu]|-n(?=\d))(.+)$/s;
/** `-qp`: several flags in one word. */
const JOINED_FLAGS_REGEXP = /^-[qpnrflt]{2,}$/;

/**
 * Rewrites `-h`, `help`, `help COMMAND`, `-c1` and `-qp` to forms that the parser knows, and
 * separates the program of `exec` from the options before it: everything after the program's name
 * belongs to the program.
 */
export function normalizeArguments(args: readonly string[]): readonly string[] {
  const commandAt = nextWord(args, 0);
  if (args[commandAt] === "help") {
    const topic = args[commandAt + 1];
    return topic === undefined ? ["--help"] : [topic, "--help"];
  }
  if (!RUNNERS.includes(args[commandAt] ?? "")) return args.flatMap(expand);
  const verbAt = args[commandAt] === "job" ? nextWord(args, commandAt + 1) : commandAt;
  if (verbAt !== commandAt && args[verbAt] !== "start") return args.flatMap(expand);
  const programAt = nextWord(args, verbAt + 1, RUNNER_OPTIONS_WITH_VALUE);
  const own = args.slice(0, programAt).flatMap(expand);
  const program = args.slice(programAt);
  return program.length === 0 || program[0] === "--"
    ? [...own, ...program]
    : [...own, "--", ...program];
}

/** The index of the next argument that is neither an option nor an option's value. */
function nextWord(
  args: readonly string[],
  from: number,
  valued: readonly string[] = OPTIONS_WITH_VALUE,
): number {
  let at = from;
  while (args[at]?.startsWith("-") && args[at] !== "--" && args[at] !== "-") {
    at += valued.includes(args[at] ?? "") ? 2 : 1;
  }
  return Math.min(at, args.length);
}

function expand(argument: string, index: number, all: readonly string[]): string[] {
  // The value of a preceding option, and everything after "--", stays unchanged.
  const terminator = all.indexOf("--");
  const isValue = OPTIONS_WITH_VALUE.includes(all[index - 1] ?? "") ||
    terminator >= 0 && index > terminator;
  if (isValue) return [argument];
  if (argument === "-h") return ["--help"];
  const [, option, value] = JOINED_VALUE_REGEXP.exec(argument) ?? [];
  if (option !== undefined && value !== undefined) return [option, value];
  if (JOINED_FLAGS_REGEXP.test(argument)) return [...argument.slice(1)].map((flag) => `-${flag}`);
  return [argument];
}
