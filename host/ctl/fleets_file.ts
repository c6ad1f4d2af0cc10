/**
 * The names of fleets: which servers a name stands for, and whose key is used there.
 *
 * @module
 */

import { dirname, resolve } from "@std/path/posix";
import * as z from "zod";
import { UsageError } from "../../lib/base/command_line.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { problemOfUrl } from "../fleet/url.ts";

/** What a name stands for. */
export interface NamedFleet {
  readonly url: string;
  /** The path of the user's key. */
  readonly creds: string | undefined;
  readonly tenant: string | undefined;
}

const NAME_REGEXP = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const FILE = "kvmmanager/fleets.json";

const Fleets = z.record(
  z.string(),
  z.strictObject({
    url: z.string(),
    creds: z.optional(z.string()),
    tenant: z.optional(z.string()),
  }),
);

/** Whether a text can be the name of a fleet; otherwise it is to be a URL. */
export const isFleetName = (text: string): boolean => NAME_REGEXP.test(text);

/** Where names are looked up, in this order: the user's file, and the machine's. */
export function fleetsFiles(): string[] {
  const home = Deno.env.get("HOME");
  const own = Deno.env.get("XDG_CONFIG_HOME") || (home && `${home}/.config`);
  return [...own ? [`${own}/${FILE}`] : [], `/etc/${FILE}`];
}

/**
 * Looks a fleet up by its name.
 *
 * @throws {UsageError} if no file has it, or one is invalid.
 */
export async function findFleet(
  name: string,
  files: readonly string[] = fleetsFiles(),
): Promise<NamedFleet> {
  const known: string[] = [];
  for (const file of files) {
    const fleets = await readFleets(file);
    const found = Object.hasOwn(fleets, name) ? fleets[name] : undefined;
    if (found !== undefined) {
      const { url, creds, tenant } = found;
      const problem = problemOfUrl(url);
      if (problem !== undefined) throw new UsageError(`${file}: ${name}.url ${problem}`);
      return { url, creds: creds && resolve(dirname(file), creds), tenant };
    }
    known.push(...Object.keys(fleets));
  }
  const has = known.length === 0 ? "" : `; there ${known.length === 1 ? "is" : "are"} ${known}`;
  throw new UsageError(
    `--fleet: no fleet named "${name}" in ${files.join(" or ")}${has}; give nats://HOST:PORT, or ` +
      "add it there",
  );
}

async function readFleets(file: string): Promise<z.output<typeof Fleets>> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw new UsageError(`${file} cannot be read: ${messageOf(error)}`);
  }
  try {
    const { data, error } = z.safeParse(Fleets, JSON.parse(text));
    if (data !== undefined) return data;
    const [issue] = error?.issues ?? [];
    throw new UsageError(`${file}: ${issue?.path.join(".") || "the file"}: ${issue?.message}`);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new UsageError(`${file} is not JSON: ${error.message}`);
    }
    throw error;
  }
}
