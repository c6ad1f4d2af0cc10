/**
 * The Deno flags that a command line of the agent needs: what starts the agent with the Deno runtime
 * asks for them first, so the agent is confined to its current configuration.
 *
 * `kvmmanager-agent permissions ARGUMENT...` prints them for the packaged launcher
 * (scripts/package/program.ts); `deno task agent` calls {@link flagsFor} itself.
 *
 * @module
 */

import { permissionFlags } from "../lib/platform/permissions.ts";
import { printLine } from "../lib/base/terminal.ts";
import type { Platform } from "../lib/platform/platform.ts";
import { brokerNeeds } from "./serve/broker.ts";
import { effectiveConfig } from "./serve/effective_config.ts";
import { qemuGaConfOf } from "./serve/language.ts";
import { EXIT } from "./exit.ts";
import { type Invocation, readInvocation } from "./usage.ts";

/**
 * The flags for a command line. A configuration that cannot be used gets those of the default one:
 * the agent then starts and reports what is wrong.
 *
 * @param args The agent's arguments.
 */
export async function flagsFor(args: readonly string[], platform: Platform): Promise<string[]> {
  let invocation: Invocation;
  try {
    invocation = readInvocation(args);
  } catch {
    // Reporting a wrong command line needs no permission.
    return ["--no-prompt"];
  }
  if (invocation.command === "doctor") return [...platform.doctorFlags ?? ["--no-prompt"]];
  const { channel, config: file, notifySocket, runtimeDirectory } = invocation;
  const { resolve } = platform;
  if (channel?.kind === "device" && platform.devicesNeedEverything) {
    return ["--no-prompt", "--allow-all"];
  }
  const qemuGaConf = qemuGaConfOf(invocation, platform);
  const start = {
    listen: channel?.kind === "listen" ? resolve(channel.path) : undefined,
    power: invocation.power !== "none",
    qemuGaConf: qemuGaConf === undefined ? undefined : resolve(qemuGaConf),
    configFile: file === undefined ? undefined : resolve(file),
    runtimeDirectory,
    notifySocket,
    broker: brokerNeeds(invocation),
  };
  const config = await platform.loadConfig(file)
    .then((loaded) => loaded.config, () => platform.defaultConfig());
  return [
    // Datagram sockets are behind this flag.
    ...notifySocket === undefined ? [] : ["--unstable-net"],
    ...permissionFlags(platform.permissionsFor(effectiveConfig(config, invocation), start)),
  ];
}

/**
 * Words as a POSIX shell reads them back, for `eval`: whatever a path contains, a word stays one
 * word and is never expanded.
 */
export function shellWords(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/**
 * `kvmmanager-agent permissions` of a platform: prints the flags, as words for a POSIX shell where
 * there is one, else as JSON.
 *
 * @returns What runs the subcommand and returns the exit status.
 */
export function permissionsOf(
  platform: Platform,
  format: "shell" | "json",
): (args: readonly string[]) => Promise<number> {
  return async (args) => {
    const flags = await flagsFor(args, platform);
    printLine(format === "shell" ? shellWords(flags) : JSON.stringify(flags));
    return EXIT.ok;
  };
}
