/**
 * Runs without `--channel` on a platform whose agent opens its port itself.
 *
 * @module
 */

import { portName } from "./port_name.ts";
import type { Platform } from "../lib/platform/platform.ts";
import { serve } from "./serve.ts";
import { EXIT } from "./exit.ts";
import type { Invocation } from "./usage.ts";

/** A platform with a port that the agent opens. */
export interface PortPlatform extends Platform {
  /** The port for a channel of this name. */
  portPath(channelName: string): string;
}

/**
 * Serves the host on the configured port.
 *
 * @returns The exit status.
 * @throws {ConfigError} if the configuration is invalid.
 */
export async function servePort(invocation: Invocation, platform: PortPlatform): Promise<number> {
  const { config } = await platform.loadConfig(invocation.config);
  const path = platform.portPath(portName(invocation.dialect, config.channel_name));
  await serve(invocation, { kind: "device", path }, platform);
  return EXIT.ok;
}
