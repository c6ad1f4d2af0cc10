/**
 * `kvmmanager-agent service`: installs and controls the agent as a service of Windows, and runs it
 * as one.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };
import { single, UsageError } from "../lib/base/command_line.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { commandLine } from "../lib/platform/windows/command_line.ts";
import { ERROR, WindowsError } from "../lib/platform/windows/ffi/windows_error.ts";
import { WINDOWS } from "../lib/platform/windows/mod.ts";
import {
  ServiceError,
  type ServiceState,
  serviceState,
  startService,
  stopService,
} from "../lib/platform/windows/service/control.ts";
import {
  AGENT_SERVICE,
  QEMU_GA_SERVICE,
  QGA_SERVICE,
  type ServiceIdentity,
} from "../lib/platform/windows/service/identity.ts";
import {
  installedOptions,
  installService,
  uninstallService,
} from "../lib/platform/windows/service/installation.ts";
import { makeDataDirectory, removeData } from "../lib/platform/windows/service/data.ts";
import { limitOwnProcess } from "../lib/platform/windows/service/own_limits.ts";
import { protectOwnFiles } from "../lib/platform/windows/service/own_files.ts";
import { removeSettings, writeSettings } from "../lib/platform/windows/service/settings.ts";
import { WindowsServiceManager } from "../lib/platform/windows/service/service_manager.ts";
import { flagsFor } from "./permissions.ts";
import { serve } from "./serve.ts";
import { servePort } from "./serve_port.ts";
import { EXIT } from "./exit.ts";
import { explain } from "./explain.ts";
import { readDialect, readInvocation } from "./usage.ts";

const HELP = `kvmmanager-agent service - the agent as a service of Windows

Usage:
  kvmmanager-agent service install [--set NAME=VALUE]... [OPTIONS OF SERVE]
  kvmmanager-agent service uninstall [--remove-data]
  kvmmanager-agent service start | stop | status
  kvmmanager-agent service COMMAND --dialect qga ...

Commands:
  install    install the service, or bring the installed one up to date: it gets the
             permissions that the configuration needs now. Options such as
             --config FILE are the service's; --power windows is the default.
             Without options, the installed service keeps its own.
             --set writes a setting into the registry, such as log_level=debug or
             "security.allowed_read_paths=C:\\Logs;D:\\Data"; an empty VALUE leaves
             the setting as it is
  uninstall  stop and remove the service; with --remove-data also the one for
             --dialect qga, the log, the state and the cache. Configuration and other
             files stay
  start      start the service and wait until it runs
  stop       stop the service and wait until it has stopped
  status     print what the service does; the exit status is 1 if it does not run

With --dialect qga, they are about a second service, ${QGA_SERVICE.name}, which speaks the
language of QEMU's guest agent on the port org.qemu.guest_agent.0. Only one program can
open that port: stop the service ${QEMU_GA_SERVICE} before.

All but status need an administrator.
`;

/** The longest command line of a process, without its NUL (CreateProcessW). */
const MAX_COMMAND_LINE = 32_766;
/** Failures that a restart would not change. */
const FINAL: readonly number[] = [EXIT.usage, EXIT.config];

/**
 * Runs the subcommand.
 *
 * @returns The exit status.
 * @throws {UsageError}
 */
export async function service([action = "--help", ...words]: readonly string[]): Promise<number> {
  const { values: dialects, rest: args } = takeOption("dialect", words);
  const identity = identityOf(dialects);
  try {
    switch (action) {
      case "install":
        return await install(identity, args);
      case "uninstall":
        return await uninstall(identity, args);
      case "start":
        refuseArguments(args);
        await startService(identity.name);
        return EXIT.ok;
      case "stop":
        refuseArguments(args);
        await stopService(identity.name);
        return EXIT.ok;
      case "status":
        refuseArguments(args);
        return status(serviceState(identity.name));
      case "run":
        return await runAsService(identity, words);
      case "--help":
      case "-h":
        printLine(HELP.trimEnd());
        return EXIT.ok;
    }
  } catch (error) {
    if (!(error instanceof WindowsError || error instanceof ServiceError)) throw error;
    const isRefused = error instanceof WindowsError && error.code === ERROR.ACCESS_DENIED;
    const advice = isRefused ? "; run this as an administrator" : "";
    printError(`kvmmanager-agent: ${error.message}${advice}`);
    return EXIT.unavailable;
  }
  throw new UsageError(`unknown command "service ${action}"; see service --help`);
}

function refuseArguments([surplus]: readonly string[]): void {
  if (surplus !== undefined) {
    throw new UsageError(`unexpected argument "${surplus}"; see service --help`);
  }
}

/** The service of a dialect. */
const identityOf = (dialects: readonly string[]): ServiceIdentity =>
  readDialect(single(dialects, "dialect")) === "qga" ? QGA_SERVICE : AGENT_SERVICE;

async function install(identity: ServiceIdentity, words: readonly string[]): Promise<number> {
  const { values: settings, rest: given } = takeOption("set", words);
  const options = given.length > 0 ? given : installedOptions(identity);
  const serveArgs = [
    ...identity === QGA_SERVICE ? ["--dialect=qga"] : [],
    ...options.some((option) => /^--power(?:=|$)/.test(option)) ? [] : ["--power=windows"],
    ...options,
  ];
  const { command, config } = readInvocation(serveArgs);
  if (command !== "serve") throw new UsageError("service install takes the options of serve");
  if (config !== undefined && WINDOWS.resolve(config) !== config) {
    throw new UsageError(`--config must be a full path for a service, received "${config}"`);
  }
  writeSettings(settings);
  // What cannot be read would only be found out when the service starts.
  await WINDOWS.loadConfig(config);
  const line = commandLine([...await startWords(serveArgs), "service", "run", ...serveArgs]);
  if (line.length > MAX_COMMAND_LINE) {
    throw new UsageError(
      `the service's command line would have ${line.length} characters, and Windows takes ` +
        `${MAX_COMMAND_LINE}: name fewer paths, and programs by their paths, in the configuration`,
    );
  }
  const refused = installService({
    options,
    commandLine: line,
    environment: {
      DENO_DIR: makeDataDirectory(),
      DENO_NO_UPDATE_CHECK: manifest.environment.DENO_NO_UPDATE_CHECK,
      NO_COLOR: "1",
    },
  }, identity);
  for (const what of refused) printError(`kvmmanager-agent: this Windows refuses ${what}`);
  printLine("the service is installed");
  if (identity === QGA_SERVICE && serviceState(QEMU_GA_SERVICE)?.isRunning === true) {
    printError(
      `kvmmanager-agent: the service ${QEMU_GA_SERVICE} has the port; stop and disable it`,
    );
  }
  return EXIT.ok;
}

/** Takes an option with a value out of a command line, wherever it is. */
function takeOption(name: string, words: readonly string[]) {
  const values: string[] = [];
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === `--${name}`) values.push(words[++at] ?? "");
    else if (word.startsWith(`--${name}=`)) values.push(word.slice(name.length + 3));
    else rest.push(word);
  }
  return { values, rest };
}

/** What starts this agent, confined to the configuration. */
async function startWords(serveArgs: readonly string[]): Promise<string[]> {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program];
  const bundle = decodeURIComponent(new URL(Deno.mainModule).pathname).slice(1);
  return [
    program,
    "run",
    "--quiet",
    ...manifest.bundleFlags,
    `--v8-flags=${manifest.v8Flags.join(",")}`,
    ...await flagsFor(serveArgs, WINDOWS),
    WINDOWS.resolve(bundle),
  ];
}

async function uninstall(identity: ServiceIdentity, args: readonly string[]): Promise<number> {
  const [option, ...surplus] = args;
  refuseArguments(option === "--remove-data" ? surplus : args);
  if (option !== undefined && identity !== AGENT_SERVICE) {
    throw new UsageError("--remove-data removes both services and their data: leave out --dialect");
  }
  const wasInstalled = await uninstallService(identity);
  if (option !== undefined) {
    await uninstallService(QGA_SERVICE);
    await removeData();
    removeSettings();
  }
  printLine(wasInstalled ? "the service is removed" : "the service was not installed");
  return EXIT.ok;
}

function status(state: ServiceState | undefined): number {
  if (state === undefined) {
    printLine("not installed");
    return EXIT.wrong;
  }
  const { isRunning, pid, exitStatus } = state;
  const details = pid !== undefined
    ? `, process ${pid}`
    : exitStatus === 0
    ? ""
    : `, exit status ${exitStatus}`;
  printLine(`${state.state}${details}`);
  return isRunning ? EXIT.ok : EXIT.wrong;
}

/** Serves the host for as long as the service manager wants it. */
async function runAsService(
  identity: ServiceIdentity,
  args: readonly string[],
): Promise<number> {
  const manager = new WindowsServiceManager(identity);
  if (!await manager.isService) {
    throw new UsageError("service run is for the service manager; use service start");
  }
  const exitStatus = await serveAsService(args, manager).then(() => EXIT.ok, (error) => {
    const problems: string[] = [];
    const found = explain(error, (line) => problems.push(line));
    manager.recordError(problems.join("\r\n"));
    return found;
  });
  // Without this, the manager counts the end of the process as a crash and restarts it.
  if (exitStatus === EXIT.ok || FINAL.includes(exitStatus)) await manager.stopped(exitStatus);
  return exitStatus;
}

async function serveAsService(
  args: readonly string[],
  manager: WindowsServiceManager,
): Promise<void> {
  const invocation = readInvocation(args);
  const { config } = await WINDOWS.loadConfig(invocation.config);
  const problems = [...limitOwnProcess(), ...protectOwnFiles(config)];
  const platform = { ...WINDOWS, manager, problems };
  if (invocation.channel === undefined) await servePort(invocation, platform);
  else await serve(invocation, invocation.channel, platform);
}
