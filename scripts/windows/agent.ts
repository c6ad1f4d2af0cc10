/**
 * The bundled agent in Wine.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import manifest from "../../deno.json" with { type: "json" };
import { toWindows, type Wine } from "./wine.ts";

/** The agent's bundle, as a path of Windows. */
const BUNDLE = toWindows(fromFileUrl(new URL("../../dist/agent-windows.js", import.meta.url)));
/** How the bundle is run, without permissions. */
const RUN = ["run", "--quiet", ...manifest.bundleFlags, `--v8-flags=${manifest.v8Flags.join(",")}`];

/** Runs the agent with every permission, for a subcommand that only prints. */
export async function runAgent(wine: Wine, ...args: readonly string[]) {
  const command = wine.deno([...RUN, "-A", BUNDLE, ...args], { stdout: "piped", stderr: "piped" });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What the agent serves. */
export interface ServeOptions {
  /** The port, such as `COM2`. */
  readonly port: string;
  /** The configuration file, as a path of Windows. */
  readonly config: string;
  readonly stderr: "inherit" | "piped";
}

/** Starts the agent on a port, with the permissions that its configuration needs. */
export async function startAgent(
  wine: Wine,
  { port, config, stderr }: ServeOptions,
): Promise<Deno.ChildProcess> {
  const args = ["serve", `--channel=device:\\\\.\\${port}`, `--config=${config}`];
  const { code, stdout } = await runAgent(wine, "permissions", ...args);
  if (code !== 0) throw new Error(`the agent's permissions: status ${code}`);
  return wine.deno([...RUN, ...JSON.parse(stdout), BUNDLE, ...args], { stderr, signal: undefined })
    .spawn();
}
