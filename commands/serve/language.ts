/**
 * The language that is spoken on the channel, and the methods that it has.
 *
 * @module
 */

import { METHODS } from "../../handlers/mod.ts";
import { qgaCommands, UNLISTED_COMMANDS } from "../../handlers/qga/mod.ts";
import type { Dialect } from "../../lib/channel/dialect.ts";
import type { Executor } from "../../lib/core/executor.ts";
import type { Method } from "../../lib/core/method.ts";
import { JsonRpcDialect } from "../../lib/dialects/jsonrpc/dialect.ts";
import { QgaDialect } from "../../lib/dialects/qga/dialect.ts";
import { loadQemuGaConf } from "../../lib/config/qemu_ga_conf.ts";
import type { Log } from "../../lib/log/logger.ts";
import {
  type CommandLists,
  ineffectiveEntries,
  NO_COMMAND_LISTS,
} from "../../lib/policy/qga_commands.ts";
import type { Platform } from "../../lib/platform/platform.ts";
import type { Invocation } from "../usage.ts";

/** A language and its methods. */
export interface Language {
  readonly methods: readonly Method[];
  /** @param ready The parameters of a greeting, if the language has one; read at each greeting. */
  dialect(
    executor: Executor,
    ready: () => Readonly<Record<string, unknown>> | undefined,
  ): Dialect;
  /** Ends what the methods have left running. */
  stop(): Promise<void>;
}

/** The commands that the guest's administrator has turned off, and what to say about them. */
export interface SiteLists {
  readonly lists: CommandLists;
  /** Keys of the file that have no effect here. */
  readonly ignored: readonly string[];
  readonly file: string | undefined;
}

/** qemu-ga's configuration file, if the agent reads one. */
export const qemuGaConfOf = (
  { dialect, qga }: Invocation,
  { qemuGaConfPath }: Pick<Platform, "qemuGaConfPath">,
): string | undefined => dialect === "qga" ? qga.conf ?? qemuGaConfPath : undefined;

/**
 * The lists of the command line and of qemu-ga's configuration file, which adds to them.
 *
 * @throws {ConfigError} if the file cannot be understood: it may turn something off.
 */
export async function siteLists(
  invocation: Invocation,
  platform: Pick<Platform, "qemuGaConfPath">,
): Promise<SiteLists> {
  // Empty in another language.
  const { blocked, allowed } = invocation.qga.lists;
  const file = qemuGaConfOf(invocation, platform);
  const { lists, ignored } = file === undefined
    ? { lists: NO_COMMAND_LISTS, ignored: [] }
    : await loadQemuGaConf(file);
  return {
    lists: { blocked: [...blocked, ...lists.blocked], allowed: [...allowed, ...lists.allowed] },
    ignored,
    file,
  };
}

/** The language of the agent's own hosts, or that of QEMU's guest agent. */
export function languageOf({ dialect }: Invocation, site: SiteLists, log: Log): Language {
  if (dialect === "qga") {
    const { methods, stop } = qgaCommands(site.lists);
    tellSiteLists(site, methods.map(({ name }) => name), log);
    return { methods, stop, dialect: (executor) => new QgaDialect(executor) };
  }
  return {
    methods: METHODS,
    stop: () => Promise.resolve(),
    dialect: (executor, ready) => new JsonRpcDialect({ executor, ready }),
  };
}

/** Nothing that was meant to turn a command off is passed over in silence. */
function tellSiteLists({ lists, ignored, file }: SiteLists, names: readonly string[], log: Log) {
  const { blocked, allowed } = lists;
  if (blocked.length + allowed.length > 0) {
    log.info("commands are turned off by lists of the guest", { blocked, allowed });
  }
  for (const problem of ineffectiveEntries(lists, [...names, ...UNLISTED_COMMANDS])) {
    log.warn("an entry of a list of commands has no effect", { problem });
  }
  if (ignored.length > 0) {
    log.warn("keys of qemu-ga's configuration have no effect in this agent", {
      config: file,
      keys: ignored,
    });
  }
}
