/**
 * The configuration file of QEMU's own guest agent, of which the lists of commands are honoured: a
 * site that replaces qemu-ga keeps its policy.
 *
 * The format is GLib's key file, read as strictly as GLib reads it. qemu-ga does not start with a
 * file that it cannot read, and neither do we.
 *
 * @module
 */

import type { CommandList, CommandLists } from "../policy/qga_commands.ts";
import { ConfigError, readConfigText } from "./load.ts";

/** The lists of a file, and what else is in it. */
export interface QemuGaConf {
  readonly lists: CommandLists;
  /** Keys that have no effect here, sorted. */
  readonly ignored: readonly string[];
}

const GROUP = "general";
/** `blacklist` is an older name of `block-rpcs`. */
const BLOCKING_KEYS: readonly string[] = ["block-rpcs", "blacklist"];
const ALLOWING_KEY = "allow-rpcs";
/** Keys about how qemu-ga runs: nobody expects them to hold for another program. */
const HARMLESS_KEYS: readonly string[] = [
  "daemon",
  "daemonize",
  "logfile",
  "method",
  "path",
  "pidfile",
  "retry-path",
  "statedir",
  "verbose",
];

const MAX_SHOWN = 60;
const shown = (line: string) => JSON.stringify(line.slice(0, MAX_SHOWN));

const ESCAPES: Readonly<Record<string, string>> = {
  s: " ",
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
};

/**
 * Reads the lists of a file's text.
 *
 * @param file Its name, for errors and refusals.
 * @throws {ConfigError} for what qemu-ga would not start with.
 */
export function parseQemuGaConf(text: string, file: string): QemuGaConf {
  const { values, ignored, problems } = readLines(text);
  const listOf = (key: string): readonly CommandList[] => {
    const value = values.get(key);
    if (value === undefined) return [];
    const commands = unescape(value);
    if (commands === undefined) {
      problems.push(`${key} has an escape sequence that is not one: ${shown(value)}`);
      return [];
    }
    return [{ commands: splitList(commands), source: `${key} in ${file}` }];
  };
  const blocked = BLOCKING_KEYS.flatMap(listOf)
    // qemu-ga takes a space for a part of the name, and blocks nothing then.
    .map(({ commands, source }) => ({ commands: commands.map((name) => name.trim()), source }));
  const allowed = listOf(ALLOWING_KEY);
  if (problems.length > 0) throw new ConfigError(file, problems);
  return { lists: { blocked, allowed }, ignored: [...ignored].sort() };
}

/**
 * Loads the lists of a file. No file is as good as an empty one.
 *
 * @throws {ConfigError} if it is there and cannot be read, or as {@link parseQemuGaConf}.
 */
export async function loadQemuGaConf(file: string): Promise<QemuGaConf> {
  return parseQemuGaConf(await readConfigText(file, { mayBeMissing: true }) ?? "", file);
}

/** The commands of a list that is separated by commas. */
export const splitList = (text: string): readonly string[] =>
  text.split(",").filter((name) => name.trim() !== "");

interface Lines {
  /** The last value of each key that matters, with its escapes. */
  readonly values: ReadonlyMap<string, string>;
  readonly ignored: ReadonlySet<string>;
  readonly problems: string[];
}

function readLines(text: string): Lines {
  const values = new Map<string, string>();
  const ignored = new Set<string>();
  const problems: string[] = [];
  let group: string | undefined;
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.trimStart();
    const refuse = (rule: string) => problems.push(`line ${index + 1}: ${shown(line)} ${rule}`);
    if (line === "" || line.startsWith("#")) continue;
    const header = /^\[([^[\]\p{Cc}]+)\]\s*$/u.exec(line)?.[1];
    if (header !== undefined) {
      group = header;
      continue;
    }
    const [, key, value] = /^([^=[\]]+?(?:\[[^=[\]]*\])?)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) {
      refuse("is neither a [group], nor a KEY=VALUE, nor a # comment");
    } else if (group === undefined) {
      refuse(`comes before the first group; write [${GROUP}] above it`);
    } else if (group !== GROUP) {
      ignored.add(`[${group}] ${key}`);
    } else if (BLOCKING_KEYS.includes(key) || key === ALLOWING_KEY) {
      values.set(key, value);
    } else if (!HARMLESS_KEYS.includes(key)) {
      ignored.add(key);
    }
  }
  return { values, ignored, problems };
}

/** `undefined` for an escape that GLib does not know. */
function unescape(value: string): string | undefined {
  if (/\\(?![sntr\\])/.test(value.replaceAll("\\\\", ""))) return undefined;
  return value.replace(/\\([sntr\\])/g, (_, letter: string) => ESCAPES[letter] ?? "");
}
