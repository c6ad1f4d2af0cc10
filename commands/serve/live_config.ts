/**
 * The configuration of a running agent, reloaded on SIGHUP and by `agent.ReloadConfig`.
 *
 * @module
 */

import { applicableConfig, changedKeys, type ReloadReport } from "../../lib/config/changes.ts";
import { ConfigError } from "../../lib/config/load.ts";
import type { Config } from "../../lib/config/schema.ts";
import type { Log } from "../../lib/log/logger.ts";
import { refusedByDeno } from "../../lib/platform/confinement.ts";
import type { StartPaths } from "../../lib/platform/permissions.ts";
import type { Platform } from "../../lib/platform/platform.ts";

/** What no reload changes. */
export interface LiveConfigOptions {
  readonly platform: Platform;
  /** The file that `--config` named, absolute; `undefined` for the default one. */
  readonly file: string | undefined;
  /** What the command line makes of the file's configuration. */
  readonly effective: (config: Config) => Config;
  readonly start: StartPaths;
  readonly log: Log;
}

/** The configuration in effect. */
export class LiveConfig {
  readonly #options: LiveConfigOptions;
  readonly #listeners: ((config: Config) => void)[] = [];
  #current: Config;
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(config: Config, options: LiveConfigOptions) {
    this.#current = config;
    this.#options = options;
  }

  /** The configuration in effect now. */
  get current(): Config {
    return this.#current;
  }

  /** The file that `--config` named, absolute; `undefined` for the default one. */
  get file(): string | undefined {
    return this.#options.file;
  }

  /** Calls a function with each new configuration that takes effect. */
  onChange(listener: (config: Config) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Reloads the file and applies what a running agent can apply. Calls are serialized; results are
   * logged.
   *
   * @throws {ConfigError} if the file is invalid: the previous configuration stays in effect.
   */
  async reload(): Promise<ReloadReport> {
    const mine = this.#reloading.then(() => this.#reload());
    this.#reloading = mine.catch(() => {});
    return await mine;
  }

  async #reload(): Promise<ReloadReport> {
    const { platform, file, effective, start, log } = this.#options;
    const loaded = await platform.loadConfig(file).catch((error) => {
      if (error instanceof ConfigError) {
        log.warn("invalid configuration; the previous one stays in effect", {
          config: error.path,
          problems: error.problems,
        });
      }
      throw error;
    });
    const { config, needRestart } = applicableConfig(this.#current, effective(loaded.config));
    const report: ReloadReport = {
      source: loaded.source,
      changed: changedKeys(this.#current, config),
      needRestart,
      refusedByDeno: refusedByDeno(platform.permissionsFor(config, start)),
    };
    this.#current = config;
    if (report.changed.length > 0) { for (const listener of this.#listeners) listener(config); }
    this.#tell(report);
    return report;
  }

  #tell({ source, changed, needRestart, refusedByDeno }: ReloadReport): void {
    const { platform, log, file } = this.#options;
    log.info("configuration reloaded", { config: source, changed });
    if (needRestart.length > 0) {
      log.warn("some configuration keys need a restart", { keys: needRestart });
    }
    if (refusedByDeno.length > 0) {
      log.warn("the configuration allows more than this process was granted", {
        refused: refusedByDeno,
        remedy: platform.permissionRemedy(file),
      });
    }
  }
}
