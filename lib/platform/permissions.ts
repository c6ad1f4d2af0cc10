/**
 * The Deno permissions of an agent, as lists and as command-line flags.
 *
 * @module
 */

import * as z from "zod";
import { lazily } from "../base/lazily.ts";

const permissionsSchema = lazily(() => {
  const Paths = z.readonly(z.array(z.string()));
  return z.strictObject({
    read: Paths,
    write: Paths,
    /** `"all"` if every command is allowed. */
    run: z.union([z.literal("all"), Paths]),
    /** Unix sockets; no other part of the network is ever granted. */
    sockets: Paths,
    /** Facts about the system (`--allow-sys`). */
    system: Paths,
    /** Whether functions of the system's libraries may be called (`--allow-ffi`). */
    usesLibraries: z._default(z.boolean(), false),
  });
});

/** What Deno lets the agent use. */
export type Permissions = z.output<ReturnType<typeof permissionsSchema>>;

/**
 * Reads the permissions that a binary was compiled with, from the text that the compile task put
 * into it.
 *
 * @throws {Error} if the text is not valid.
 */
export function parsePermissions(text: string): Permissions {
  try {
    return z.parse(permissionsSchema(), JSON.parse(text));
  } catch {
    throw new Error("--granted is not what the compile task wrote; compile the agent again");
  }
}

/** What starting the agent needs besides its configuration. */
export interface StartPaths {
  /** The unix socket of `--channel listen:PATH`. */
  readonly listen?: string;
  /** qemu-ga's configuration file, read at startup. */
  readonly qemuGaConf?: string;
  /** The configuration file, read at startup and at each reload. */
  readonly configFile?: string;
  /** Whether the agent controls power. */
  readonly power?: boolean;
  /** The service's runtime directory, if it is not the default one. */
  readonly runtimeDirectory?: string;
  /** What performs operations that need root: the broker's socket, or a program. */
  readonly broker?: BrokerNeeds;
  /** The service manager's notification socket. */
  readonly notifySocket?: string;
}

/** What an agent needs to reach a broker. */
export type BrokerNeeds = { readonly socket: string } | { readonly program: string };

// In Deno's lists, a comma within a path is written twice.
const list = (values: readonly string[]) => values.map((v) => v.replaceAll(",", ",,")).join(",");

/** The permissions as command-line flags of `deno run` and `deno compile`. */
export function permissionFlags(permissions: Permissions): string[] {
  const { read, write, run, sockets, system, usesLibraries } = permissions;
  const flags = ["--no-prompt", `--allow-sys=${list(system)}`];
  if (read.length > 0) flags.push(`--allow-read=${list(read)}`);
  if (write.length > 0) flags.push(`--allow-write=${list(write)}`);
  flags.push(run === "all" ? "--allow-run" : `--allow-run=${list(run)}`);
  if (sockets.length > 0) flags.push(`--allow-net=${list(sockets.map((path) => `unix:${path}`))}`);
  if (usesLibraries) flags.push("--allow-ffi");
  return flags;
}
