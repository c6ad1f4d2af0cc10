/**
 * Which programs a request may run, and what it may put in their environment.
 *
 * Pure decisions: the platform checks whether a file can be executed.
 *
 * @module
 */

import { invalidParams, notFound, permissionDenied } from "../base/errors.ts";
import { normalizePath } from "./paths.ts";

/** What the platform knows about installed programs. */
export interface InstalledPrograms {
  /** Directories in which a bare name is looked up, in this order. */
  readonly searchPath: readonly string[];
  /** How programs are named. @default {POSIX_PROGRAMS} */
  readonly rules?: ProgramRules;
  /** Whether the path names an executable file, symbolic links followed. */
  isExecutableFile(path: string): boolean;
}

/** How a platform names programs. */
export interface ProgramRules {
  /** What separates the directories of the search path, for the refusal. */
  readonly separator: string;
  /**
   * Whether a command is a name to be looked up, not a path.
   *
   * @throws {RpcError} -32602 for a command that is never a program.
   */
  isBareName(command: string): boolean;
  /**
   * The absolute, normalised form of a command that is a path.
   *
   * @throws {RpcError} -32602 for a malformed one.
   */
  pathOf(command: string): string;
  join(directory: string, name: string): string;
  /** The files that a path may stand for, best first. */
  files(path: string): readonly string[];
  /** Whether two normalised paths, or two bare names, are the same. */
  isSame(one: string, other: string): boolean;
}

/** Every path is that of one file, and case counts. */
export const POSIX_PROGRAMS: ProgramRules = {
  separator: ":",
  isBareName: (command) => !command.includes("/"),
  pathOf: (command) => {
    if (command.startsWith("/")) return normalizePath(command, "command");
    throw invalidParams("command must be a bare name or an absolute path, not a relative one");
  },
  join: (directory, name) => `${directory}/${name}`,
  files: (path) => [path],
  isSame: (one, other) => one === other,
};

/**
 * The absolute path of the program that `command` names, if the whitelist allows it.
 *
 * A whitelist entry is either an absolute path, which allows exactly that path, or a bare name,
 * which allows the program that the name resolves to. Both are compared before symbolic links are
 * followed: if `/bin` links to `/usr/bin`, `/bin/id` and `/usr/bin/id` are different entries.
 *
 * @param whitelist `null` allows every program.
 * @throws {RpcError} -32602 for a malformed command, -32001 for one that is not on the whitelist,
 * -32002 for a bare name that is not installed.
 */
export function findProgram(
  command: string,
  whitelist: readonly string[] | null,
  programs: InstalledPrograms,
): string {
  const { rules = POSIX_PROGRAMS, searchPath } = programs;
  if (command === "" || command === "." || command === "..") {
    throw invalidParams(
      `command must be a program's name or absolute path, received ${JSON.stringify(command)}`,
    );
  }
  if (command.includes("\0")) throw invalidParams("command must not contain NUL");
  const path = rules.isBareName(command)
    ? lookUp(command, programs)
    : fileOf(rules.pathOf(command), programs);
  const isAllowed = whitelist === null ||
    (path === undefined
      // A listed program that is not installed is reported as missing, not as refused.
      ? whitelist.some((entry) => rules.isSame(entry, command))
      : isWhitelisted(path, whitelist, programs));
  if (!isAllowed) {
    const resolved = path === undefined || path === command ? "" : ` (found as ${path})`;
    throw permissionDenied(`${command}${resolved} is not in command_whitelist`, { command });
  }
  if (path === undefined) {
    throw notFound(
      `program not found: "${command}" (searched ${searchPath.join(rules.separator)})`,
      { command },
    );
  }
  return path;
}

function lookUp(name: string, programs: InstalledPrograms): string | undefined {
  const { rules = POSIX_PROGRAMS, searchPath } = programs;
  for (const directory of searchPath) {
    const path = rules.files(rules.join(directory, name)).find((file) =>
      programs.isExecutableFile(file)
    );
    if (path !== undefined) return path;
  }
  return undefined;
}

/** The file that a path stands for, or the path itself if there is none. */
function fileOf(path: string, programs: InstalledPrograms): string {
  const files = (programs.rules ?? POSIX_PROGRAMS).files(path);
  // Where there is no choice, nothing is looked up.
  return files.length === 1 ? path : files.find((file) => programs.isExecutableFile(file)) ?? path;
}

function isWhitelisted(
  path: string,
  whitelist: readonly string[],
  programs: InstalledPrograms,
): boolean {
  const { rules = POSIX_PROGRAMS } = programs;
  return whitelist.some((entry) => {
    const allowed = rules.isBareName(entry) ? lookUp(entry, programs) : fileOf(entry, programs);
    return allowed !== undefined && rules.isSame(allowed, path);
  });
}

/** The values that a safe variable may have. */
interface SafeValue {
  readonly pattern: RegExp;
  /** Completes "must be". */
  readonly rule: string;
}

/**
 * A locale's name as the system defines it. A name with a slash would be the path of locale data,
 * and "." or ".." would leave the directory of locales (setlocale(3)).
 */
const LOCALE: SafeValue = {
  pattern: /^([A-Za-z0-9]+(_[A-Za-z0-9]+)?(\.[A-Za-z0-9-]+)?(@[A-Za-z0-9]+)?)?$/,
  rule: "a locale's name, such as de_DE.UTF-8",
};

/**
 * The languages that gettext(3) tries in turn; each becomes part of a path below the catalogs'
 * directory.
 */
const LANGUAGES: SafeValue = {
  pattern: /^([A-Za-z0-9]+([_.@-][A-Za-z0-9]+)*(:[A-Za-z0-9]+([_.@-][A-Za-z0-9]+)*)*)?$/,
  rule: "a list of locale names separated by colons",
};

/**
 * A name below the system's time zone directory or a rule (tzset(3)). A leading slash or colon or a
 * ".." would make the C library read other files.
 */
const TIME_ZONE: SafeValue = {
  pattern: /^(?![/:])(?!.*\.\.)[A-Za-z0-9_+,.:<>/-]{0,100}$/,
  rule: "the name of a time zone, such as Europe/Berlin, or a rule, such as CET-1CEST",
};

/** A name in the system's terminal database (terminfo(5)), never a path. */
const TERMINAL: SafeValue = {
  pattern: /^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/,
  rule: "a terminal type, such as xterm-256color",
};

const NUMBER: SafeValue = { pattern: /^[0-9]{0,5}$/, rule: "a number" };
const FLAG: SafeValue = { pattern: /^[A-Za-z0-9]{0,16}$/, rule: "letters and digits" };

/**
 * Variables that choose language, time zone and appearance, with values that name nothing outside
 * the system's own directories. Any other variable may make some program load or run a file:
 * `BASH_ENV`, `PATH`, `HOME` (dot files), `LOCPATH`, `GCONV_PATH`, `PAGER`, `PYTHONPATH` …
 */
const HARMLESS: ReadonlyMap<string, SafeValue> = new Map([
  ["LANG", LOCALE],
  ["LANGUAGE", LANGUAGES],
  ["LC_ALL", LOCALE],
  ["LC_ADDRESS", LOCALE],
  ["LC_COLLATE", LOCALE],
  ["LC_CTYPE", LOCALE],
  ["LC_IDENTIFICATION", LOCALE],
  ["LC_MEASUREMENT", LOCALE],
  ["LC_MESSAGES", LOCALE],
  ["LC_MONETARY", LOCALE],
  ["LC_NAME", LOCALE],
  ["LC_NUMERIC", LOCALE],
  ["LC_PAPER", LOCALE],
  ["LC_TELEPHONE", LOCALE],
  ["LC_TIME", LOCALE],
  ["TZ", TIME_ZONE],
  ["TERM", TERMINAL],
  ["COLUMNS", NUMBER],
  ["LINES", NUMBER],
  ["NO_COLOR", FLAG],
]);

/** Names of the variables that a request may set while there is a whitelist, in order. */
export const HARMLESS_VARIABLES: readonly string[] = [...HARMLESS.keys()];

/** The part of the configuration that governs commands. */
export interface CommandPolicy {
  /** `null` allows every program. */
  readonly command_whitelist: readonly string[] | null;
  /** Variables that are allowed with any value while there is a whitelist. */
  readonly command_environment: readonly string[];
}

/**
 * Checks the variables that a request adds. A whitelist would be useless if the caller could make a
 * listed program load the caller's code.
 *
 * @throws {RpcError} -32001 that names the variable, the rule and the key to change.
 */
export function checkEnvironment(
  env: Readonly<Record<string, string>>,
  { command_whitelist, command_environment }: CommandPolicy,
): void {
  if (command_whitelist === null) return;
  for (const [name, value] of Object.entries(env)) {
    if (command_environment.includes(name)) continue;
    const safe = HARMLESS.get(name);
    if (safe?.pattern.test(value)) continue;
    const why = safe === undefined
      ? `env.${name} is not allowed while command_whitelist is set, because variables can make a ` +
        "listed program run other code; to allow it"
      : `env.${name} must be ${safe.rule} while command_whitelist is set; to allow any value`;
    throw permissionDenied(`${why}, add ${name} to security.command_environment`, {
      variable: name,
    });
  }
}
