/**
 * `kvmmanager-agent serve`: runs the agent, from loading the configuration to its last log line.
 *
 * @module
 */

import { Audit } from "../lib/audit/audit.ts";
import { HostLink } from "../lib/channel/host_link.ts";
import { ConfigError } from "../lib/config/load.ts";
import { Logger } from "../lib/log/logger.ts";
import { countStart } from "../lib/base/memory/garbage.ts";
import { RpcError } from "../lib/base/errors.ts";
import { auditedReload, type ReloadRequest } from "../lib/monitor/audited_reload.ts";
import { Timer } from "../lib/base/timer.ts";
import { withTimer } from "../lib/base/waiting.ts";
import { Executor } from "../lib/core/executor.ts";
import { Jobs } from "../lib/core/jobs/jobs.ts";
import type { ChannelChoice, Platform } from "../lib/platform/platform.ts";
import { preloadCommands } from "../lib/platform/preload_commands.ts";
import { VERSION } from "../lib/base/version.ts";
import { brokerNeeds } from "./serve/broker.ts";
import { effectiveConfig } from "./serve/effective_config.ts";
import { AgentEvents } from "./serve/events.ts";
import { reportConfinement, reportLinks } from "./serve/confinement.ts";
import { logFaults } from "./serve/faults.ts";
import { serveHosts } from "./serve/hosts.ts";
import { languageOf, siteLists } from "./serve/language.ts";
import { LiveConfig } from "./serve/live_config.ts";
import { MonitorService } from "./serve/monitor.ts";
import type { Invocation } from "./usage.ts";

/** How long requests in flight may take after SIGTERM (protocol, "Graceful Shutdown"). */
const STOP_GRACE_MS = 5000;
/** How long sending the remaining answers may take after that. */
const DRAIN_MS = 1000;

/**
 * Serves until SIGTERM, SIGINT or the end of the channel.
 *
 * @throws {ConfigError} if the configuration is invalid.
 * @throws {ListenError | ChannelError} if the channel cannot be opened.
 */
export async function serve(
  invocation: Invocation,
  choice: ChannelChoice,
  platform: Platform,
): Promise<void> {
  const loaded = await platform.loadConfig(invocation.config);
  const config = effectiveConfig(loaded.config, invocation);
  // Before the agent is confined: the file may be anywhere.
  const site = await siteLists(invocation, platform);
  const log = await Logger.open(config.log_file, config.log_level);
  log.onError = platform.manager?.recordError;
  logFaults(log);
  log.info("agent starting", { version: VERSION, pid: Deno.pid, config: loaded.source });
  for (const problem of platform.problems ?? []) {
    log.warn("the system refuses some of the agent's own protection", { problem });
  }

  const listen = choice.kind === "listen" ? platform.resolve(choice.path) : undefined;
  const { notifySocket, runtimeDirectory } = invocation;
  const start = {
    listen,
    power: invocation.power !== "none",
    runtimeDirectory,
    notifySocket,
    broker: brokerNeeds(invocation),
  };
  const isConfined = reportConfinement(log, {
    platform,
    permissions: platform.permissionsFor(config, start),
    granted: invocation.granted,
    configFile: invocation.config,
  });
  const live = new LiveConfig(config, {
    platform,
    // The agent changes its working directory.
    file: invocation.config === undefined ? undefined : platform.resolve(invocation.config),
    effective: (fresh) => effectiveConfig(fresh, invocation),
    start,
    log,
  });

  reportLinks(log, config, platform);

  const stopping = new AbortController();
  const audit = await Audit.open(config, { source: loaded.source, log });
  const state = platform.openState(config, log);
  const guest = platform.guest({ ...invocation, state });
  guest.privileged.onFreeze((isFrozen) => {
    log.isHeld = isFrozen;
    audit.isHeld = isFrozen;
  });
  const language = languageOf(invocation, site, log);
  const configFile = live.file ?? platform.defaultConfigPath;
  const { methods } = language;
  const jobs = new Jobs({ guest, log });
  // Another language has no method that reads events.
  const events = invocation.dialect === "qga" ? undefined : new AgentEvents(live, {
    guest,
    watch: platform.watch,
    log,
  });
  events?.watchJobs(jobs);
  const executor = new Executor(
    { config, guest, jobs, log, methods, configFile, events: events?.journal },
    audit,
  );
  live.onChange((changed) => {
    log.level = changed.log_level;
    executor.reconfigure(changed);
    reportLinks(log, changed, platform);
  });
  const channel = await platform.openChannel(choice, config, log);
  const link = new HostLink();
  const monitor = new MonitorService(live, log, audit, {
    platform,
    isConfined,
    channelName: channel.name,
    host: link,
    events,
    counters: executor.counters,
    inFlight: () => executor.inFlight,
  });
  handleControls(platform, log, {
    onStop: async () => {
      executor.close();
      // Before the connections end, so that a host that waits for events reads this one.
      await events?.recordStop();
      stopping.abort();
      channel.close();
    },
    onReload: async (by) => {
      // Not awaited: a hung disk must not block a reload.
      void audit.reopen();
      await log.reopen();
      await reload(by, live, audit, log);
      await monitor.start();
    },
  });
  await monitor.start();
  const watchdog = notifySocket === undefined
    ? undefined
    : platform.keepWatchdogFed(notifySocket, log, runtimeDirectory);
  log.info("agent ready", { channel: channel.name });
  platform.manager?.ready();
  countStart();
  // In a later turn, so that a host that waits gets its greeting first.
  new Timer(0, () => {
    preloadCommands();
    events?.start();
  });
  new Timer(0, () => void jobs.restore(config.jobs));
  const dialect = language.dialect(
    executor,
    // Read for each greeting, since a reload may change it.
    () => live.current.announce ? { version: VERSION, platform: guest.platform } : undefined,
  );
  const draining = await serveHosts(channel, { dialect, log, link, signal: stopping.signal });

  channel.close();
  watchdog?.[Symbol.dispose]();
  await Promise.all([executor.stop(STOP_GRACE_MS), language.stop(), monitor.stop()]);
  await jobs.stop();
  await events?.stop();
  await withTimer(DRAIN_MS, Promise.all(draining));
  state.close();
  log.info("agent stopped");
  await withTimer(DRAIN_MS, log.flush());
}

/** What signals and a service manager do. */
interface ControlActions {
  readonly onStop: () => Promise<void>;
  /** @param by What asked for it. */
  readonly onReload: (by: ReloadRequest) => Promise<void>;
}

function handleControls(
  { signals, manager }: Platform,
  log: Logger,
  { onStop, onReload }: ControlActions,
): void {
  if (manager !== undefined) {
    manager.onControl({
      stop: (by) => {
        log.info("stopping", { by });
        void onStop();
      },
      reload: () => void onReload("paramchange"),
    });
    return;
  }
  for (const signal of signals.stop) {
    Deno.addSignalListener(signal, () => {
      log.info("stopping", { signal });
      void onStop();
    });
  }
  Deno.addSignalListener(signals.reload, () => void onReload("SIGHUP"));
}

/** Reloads the configuration. An invalid one has already been logged. */
async function reload(
  by: ReloadRequest,
  live: LiveConfig,
  audit: Audit,
  log: Logger,
): Promise<void> {
  try {
    await auditedReload(audit, by, () => live.reload());
  } catch (error) {
    if (error instanceof RpcError) {
      log.error("the configuration was not reloaded", { error: error.message });
    } else if (!(error instanceof ConfigError)) throw error;
  }
}
