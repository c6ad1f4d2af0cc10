/**
 * The program in the packages for Windows: deno.exe, the bundle, and a launcher for administrators.
 *
 * Not a compiled binary, as on Linux: its permissions would be fixed when it is compiled.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import manifest from "../../../deno.json" with { type: "json" };

const ROOT = fromFileUrl(new URL("../../..", import.meta.url));

/** The bundle's name. */
export const BUNDLE = "agent-windows.js";
/** The files of the program. */
export const PROGRAM_FILES = [
  "deno.exe",
  BUNDLE,
  "kvmmanager-agent.cmd",
  "copyright.txt",
] as const;

/** What starts the agent, after `deno.exe` and without permissions. */
export const RUN_FLAGS: readonly string[] = [
  "run",
  "--quiet",
  ...manifest.bundleFlags,
  `--v8-flags=${manifest.v8Flags.join(",")}`,
];

/**
 * The launcher, for subcommands that administrators use. The service is started by its own command
 * line, which confines it.
 */
const LAUNCHER = `@echo off
rem The agent for administrators: kvmmanager-agent service status, check, command. Generated.
setlocal
set "DENO_DIR=%ProgramData%\\KVMManager\\cache"
set "DENO_NO_UPDATE_CHECK=${manifest.environment.DENO_NO_UPDATE_CHECK}"
set "NO_COLOR=1"
"%~dp0deno.exe" ${RUN_FLAGS.join(" ")} --no-prompt -A "%~dp0${BUNDLE}" %*
`;

/** A text with the line ends of Windows. */
export const windowsText = (text: string): string => text.replace(/\r?\n/g, "\r\n");

/**
 * Puts the program into a directory.
 *
 * @param runtime A deno.exe.
 */
export async function stageWindowsProgram(directory: string, runtime: string): Promise<void> {
  await Deno.copyFile(runtime, `${directory}/deno.exe`);
  await Deno.copyFile(`${ROOT}dist/${BUNDLE}`, `${directory}/${BUNDLE}`);
  await Deno.writeTextFile(`${directory}/kvmmanager-agent.cmd`, windowsText(LAUNCHER));
  const copyright = await Deno.readTextFile(`${ROOT}install/debian/copyright`);
  await Deno.writeTextFile(`${directory}/copyright.txt`, windowsText(copyright));
}
