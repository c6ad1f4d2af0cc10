/**
 * The Deno flags that a command line of the agent needs: what starts the agent with the Deno runtime
 * asks for them first, so the agent is confined to its current configuration.
 *
 * `kvmmanager-agent permissions ARGUMENT...` prints them for the packaged launcher
 * (scripts/package/program.ts); `deno task agent` calls {@link flagsFor} itself.
 *
 * @module
 */

import { resolve } from "@std/path/posix";
import { loadConfig } from "../lib/config/load.ts";
import { DEFAULT_CONFIG } from "../lib/config/schema.ts";
import { permissionFlags, permissionsFor } from "../lib/platform/linux/grants.ts";
import { brokerFlags, type BrokerPlaces } from "../lib/platform/linux/privileged/broker_grants.ts";
import { OPERATIONS } from "../lib/privileged/operations.ts";
import { brokerNeeds } from "./serve/broker.ts";
import { type Invocation, readInvocation } from "./usage.ts";

/**
 * The flags for a command line. A configuration that cannot be used gets those of the default one:
 * the agent then starts and reports what is wrong.
 *
 * @param args The agent's arguments.
 */
export async function flagsFor(args: readonly string[]): Promise<string[]> {
  if (args[0] === "privileged") return brokerFlags(OPERATIONS, places(args));
  let invocation: Invocation;
  try {
    invocation = readInvocation(args);
  } catch {
    // Reporting a wrong command line needs no permission.
    return ["--no-prompt"];
  }
  const { channel, config: file, notifySocket } = invocation;
  // Deno opens devices only for programs with every permission.
  if (channel?.kind === "device") return ["--no-prompt", "--allow-all"];
  const start = {
    listen: channel?.kind === "listen" ? resolve(channel.path) : undefined,
    power: invocation.power === "systemd",
    qemuGaConf: invocation.dialect === "qga" ? resolve(invocation.qga.conf) : undefined,
    configFile: file === undefined ? undefined : resolve(file),
    notifySocket,
    broker: brokerNeeds(invocation),
  };
  const config = await loadConfig(file).then((loaded) => loaded.config, () => DEFAULT_CONFIG);
  return [
    // Datagram sockets are behind this flag.
    ...notifySocket === undefined ? [] : ["--unstable-net"],
    ...permissionFlags(permissionsFor(config, start)),
  ];
}

/** The places that tests give to a broker. */
function places(args: readonly string[]): BrokerPlaces {
  const valueOf = (name: string) =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  const hooks = valueOf("hooks");
  return {
    directory: valueOf("directory"),
    hooks: hooks === undefined
      ? []
      : [...Deno.readDirSync(hooks)].map(({ name }) => `${hooks}/${name}`),
  };
}

/**
 * Words as a POSIX shell reads them back, for `eval`: whatever a path contains, a word stays one
 * word and is never expanded.
 */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** What `kvmmanager-agent permissions` prints: the flags as words for a shell. */
export async function permissions(args: readonly string[]): Promise<string> {
  return shellWords(await flagsFor(args));
}
