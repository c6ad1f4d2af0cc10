/**
 * Which commands of the QEMU guest agent's language a site leaves on: the lists that qemu-ga calls
 * `block-rpcs` and `allow-rpcs`.
 *
 * @module
 */

/** A list of commands, and where it was found. */
export interface CommandList {
  readonly commands: readonly string[];
  /** For the refusal, such as `--block-rpcs`. */
  readonly source: string;
}

/** A site's lists; with none, everything is on. */
export interface CommandLists {
  /** A command in any of these is off. */
  readonly blocked: readonly CommandList[];
  /** If there are any, a command that is in none of these is off. */
  readonly allowed: readonly CommandList[];
}

/** For a site without lists. */
export const NO_COMMAND_LISTS: CommandLists = { blocked: [], allowed: [] };

/** Without these, a client cannot find out that the others are off. No list turns them off. */
const ALWAYS_ON: readonly string[] = [
  "guest-sync",
  "guest-sync-delimited",
  "guest-ping",
  "guest-info",
];

/** Why the lists turn a command off; `undefined` if they do not. */
export function listRefusal(
  command: string,
  { blocked, allowed }: CommandLists,
): string | undefined {
  if (ALWAYS_ON.includes(command)) return undefined;
  const blocking = blocked.find(({ commands }) => commands.includes(command));
  if (blocking !== undefined) return `${blocking.source} lists it`;
  // As in qemu-ga, an empty list allows everything.
  const lists = allowed.filter(({ commands }) => commands.length > 0);
  if (lists.length === 0 || lists.some(({ commands }) => commands.includes(command))) {
    return undefined;
  }
  return `${lists.map(({ source }) => source).join(" and ")} does not list it`;
}

/**
 * The entries that change nothing, although whoever wrote them expected it to, in sentences.
 *
 * @param known The commands that the language has, including those that this agent never offers.
 */
export function ineffectiveEntries(
  { blocked, allowed }: CommandLists,
  known: readonly string[],
): readonly string[] {
  const unknown = [...blocked, ...allowed].flatMap(({ commands, source }) =>
    commands.filter((command) => !known.includes(command))
      .map((command) => `${source} lists ${JSON.stringify(command)}, which is not a command`)
  );
  const always = blocked.flatMap(({ commands, source }) =>
    commands.filter((command) => ALWAYS_ON.includes(command))
      .map((command) => `${source} lists ${command}, which cannot be turned off`)
  );
  const empty = allowed.filter(({ commands }) => commands.length === 0)
    .map(({ source }) => `${source} is empty, which allows every command, as in qemu-ga`);
  return [...unknown, ...always, ...empty];
}
