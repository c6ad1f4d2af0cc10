/**
 * How Windows names programs.
 *
 * Only `.com` and `.exe` files are programs. A batch file is read by cmd.exe, which interprets its
 * arguments again by rules that no quoting satisfies for every batch file (CVE-2024-24576). Whoever
 * may run cmd.exe can run one through it, with `/d /c`, and knows what cmd.exe makes of the words.
 *
 * @module
 */

import { invalidParams } from "../../base/errors.ts";
import type { ProgramRules } from "../../policy/commands.ts";
import { isSamePath, pathProblem, WINDOWS_PATHS } from "./paths.ts";

const EXTENSIONS = [".com", ".exe"] as const;
const IS_PROGRAM = /\.(?:com|exe)$/i;

/** Whether a command is a batch file. */
export const isBatchFile = (command: string): boolean => /\.(?:bat|cmd)$/i.test(command);

function refuseBatch(command: string): void {
  if (!isBatchFile(command)) return;
  throw invalidParams(
    "command must not be a batch file, whose arguments cmd.exe would interpret; run cmd.exe with " +
      'the args ["/d", "/c", FILE, …] instead',
  );
}

/** A bare name becomes a part of a path, so the same names are refused: NUL would be the device. */
function refuseMalformed(name: string): void {
  const problem = pathProblem(`C:\\${name}`);
  if (problem !== undefined) throw invalidParams(`command must ${problem}`);
}

/** How Windows names programs. */
export const WINDOWS_PROGRAMS: ProgramRules = {
  separator: ";",
  isBareName: (command) => {
    refuseBatch(command);
    if (/[\\/:]/.test(command)) return false;
    refuseMalformed(command);
    return true;
  },
  pathOf: (command) => WINDOWS_PATHS.normalize(command, "command"),
  join: (directory, name) => `${directory.replace(/\\$/, "")}\\${name}`,
  // A name may have another dot: "setup.2" stands for "setup.2.exe".
  files: (path) =>
    IS_PROGRAM.test(path) ? [path] : EXTENSIONS.map((extension) => `${path}${extension}`),
  isSame: isSamePath,
};
