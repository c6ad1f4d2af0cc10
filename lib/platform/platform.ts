/**
 * An operating system as the agent's commands see it. The entry point chooses one; nothing else
 * knows which.
 *
 * @module
 */

import type { Channel } from "../channel/channel.ts";
import type { Config } from "../config/schema.ts";
import type { Guest } from "../guest/guest.ts";
import type { State } from "../guest/state.ts";
import type { Watch } from "../guest/watch.ts";
import type { Log, LogFields } from "../log/logger.ts";
import type { CommandAnswer } from "../monitor/answer.ts";
import type { CommandListener } from "../monitor/listener.ts";
import type { Finding } from "./finding.ts";
import type { Confiner } from "./confinement.ts";
import type { Permissions, StartPaths } from "./permissions.ts";

/** How the agent reaches the host. */
export type ChannelChoice =
  | { readonly kind: "stdio" }
  | { readonly kind: "listen" | "device"; readonly path: string };

/** The ways to control the guest's power. */
export const POWER_CHOICES = ["none", "systemd", "windows"] as const;

/** One of {@link POWER_CHOICES}. */
export type PowerChoice = (typeof POWER_CHOICES)[number];

/** The ways to have operations performed that need root. */
export type BrokerChoice =
  | { readonly kind: "none" | "child" }
  | { readonly kind: "socket"; readonly path: string };

/** A configuration, and where it is from. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file, or "defaults". */
  readonly source: string;
}

/** An allowed path that contains a symbolic link. */
export interface LinkedRoot {
  readonly path: string;
  /** The path to configure instead. */
  readonly realPath: string;
}

/** The state of the agent, and its end. */
export interface OpenState extends State {
  /** Lets another agent use the directory. */
  close(): void;
}

/** What started the agent, if it is to be told how the agent is. */
export interface ServiceManager {
  /** Registers what its controls do. */
  onControl(actions: { stop(by: string): void; reload(): void }): void;
  /** The agent serves its host. */
  ready(): void;
  /** Something was logged as an error. */
  recordError(message: string, fields?: LogFields): void;
}

/** How the agent was started. */
export interface GuestOptions {
  readonly power: PowerChoice;
  /** The service's runtime directory, if it is not the default one. */
  readonly runtimeDirectory: string | undefined;
  /** Whether commands run in a separate control group. */
  readonly separateCommands: boolean;
  readonly state: State;
  readonly broker: BrokerChoice;
  /** The program that starts this agent, if that is not the running executable. */
  readonly self: string | undefined;
  /** The configuration file, if one was named. */
  readonly config: string | undefined;
}

/** An operating system. */
export interface Platform {
  /** The default for `--config`. */
  readonly defaultConfigPath: string;
  /** Where qemu-ga has its configuration; `undefined` where it has none. */
  readonly qemuGaConfPath: string | undefined;
  /** The configuration of an agent without a file. */
  readonly defaultConfig: () => Config;
  readonly confiner: Confiner;
  /** Whether Deno opens devices only for programs with every permission. */
  readonly devicesNeedEverything: boolean;
  /** Signals that stop the agent, and those that reload its configuration. */
  readonly signals: { readonly stop: readonly Deno.Signal[]; readonly reload: Deno.Signal };
  /** What controls the agent instead of signals, if it has started it. */
  readonly manager?: ServiceManager;
  /** What of the agent's own protection the system has refused. */
  readonly problems?: readonly string[];
  /** The absolute form of a path on the command line. */
  resolve(path: string): string;
  /**
   * Loads the configuration.
   *
   * @param path What `--config` named; `undefined` for the default.
   * @throws {ConfigError} if it cannot be read or is invalid.
   */
  loadConfig(path: string | undefined): Promise<LoadedConfig>;
  /** The Deno permissions that a configuration needs. */
  permissionsFor(config: Config, start?: StartPaths): Permissions;
  /** Finds out what is wrong with the installed agent, where that is possible. */
  readonly diagnose?: (config: Config, source: string) => Promise<Finding[]>;
  /** The Deno flags that {@link diagnose} needs. */
  readonly doctorFlags?: readonly string[];
  /** What to do if Deno refuses what the configuration allows. */
  permissionRemedy(configFile: string | undefined): string;
  /** The allowed paths that no request can use, because they contain a link. */
  linkedRoots(config: Config): readonly LinkedRoot[];
  /** Opens what the agent keeps between its runs. */
  openState(config: Config, log: Log): OpenState;
  /**
   * The guest that the agent runs in.
   *
   * @throws {UsageError} if it cannot be used as the command line says.
   */
  guest(options: GuestOptions): Guest;
  /** Looks at the guest for changes. */
  watch(): Watch;
  /**
   * Opens the channel that the command line names.
   *
   * @throws {ListenError | ChannelError} if it cannot be opened.
   */
  openChannel(choice: ChannelChoice, config: Config, log: Log): Promise<Channel>;
  /**
   * Creates the socket or pipe of the command monitor.
   *
   * @throws {ListenError} if it cannot be created.
   */
  listenForCommands(options: Config["command_monitor"]): Promise<CommandListener>;
  /** Sends a command to the monitor of the running agent, as any other program would. */
  sendCommand(path: string, request: Readonly<Record<string, unknown>>): Promise<CommandAnswer>;
  /**
   * Reports to the service manager that the agent is alive, until disposed of.
   *
   * @param runtimeDirectory The service's, if it is not the default one.
   */
  keepWatchdogFed(notifySocket: string, log: Log, runtimeDirectory?: string): Disposable;
}
