/**
 * `kvmmanager-agent doctor`: finds out what is wrong with the installed agent.
 *
 * @module
 */

import { UsageError } from "../lib/base/command_line.ts";
import { messageOf } from "../lib/base/message_of.ts";
import { printLine } from "../lib/base/terminal.ts";
import { ConfigError } from "../lib/config/load.ts";
import type { Finding } from "../lib/platform/finding.ts";
import type { LoadedConfig, Platform } from "../lib/platform/platform.ts";
import { EXIT } from "./exit.ts";
import type { Invocation } from "./usage.ts";

/**
 * Prints what it finds, a line for each thing, and what to do.
 *
 * @returns The exit status: 0 if nothing is wrong, else 1.
 * @throws {UsageError} on a platform without it.
 */
export async function doctor({ config: path, json }: Invocation, platform: Platform) {
  if (platform.diagnose === undefined) throw new UsageError("this system has no doctor yet");
  const configuration = await examine(path, platform);
  const { config, source } = configuration.loaded ??
    { config: platform.defaultConfig(), source: "defaults" };
  const findings = [configuration.finding, ...await platform.diagnose(config, source)];
  if (json) printLine(JSON.stringify(findings, null, 2));
  else for (const finding of findings) printLine(describe(finding));
  return findings.some(({ verdict }) => verdict === "wrong") ? EXIT.wrong : EXIT.ok;
}

async function examine(
  path: string | undefined,
  platform: Platform,
): Promise<{ finding: Finding; loaded?: LoadedConfig }> {
  const about = "configuration";
  try {
    const loaded = await platform.loadConfig(path);
    const { source } = loaded;
    const found = source === "defaults" ? "there is no file; the defaults hold" : source;
    return { finding: { about, verdict: "right", found }, loaded };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const advice = "kvmmanager-agent check lists every problem";
    return { finding: { about, verdict: "wrong", found: messageOf(error), advice } };
  }
}

function describe({ about, verdict, found, advice }: Finding): string {
  const line = `${verdict.padEnd(7)}  ${about}: ${found}`;
  return advice === undefined ? line : `${line}\n         → ${advice}`;
}
