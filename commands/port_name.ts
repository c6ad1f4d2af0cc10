/**
 * Which port the agent serves when the command line names no channel.
 *
 * @module
 */

import { DEFAULT_CHANNEL_NAME } from "../lib/config/schema.ts";
import { type DialectChoice, QGA_CHANNEL_NAME } from "./usage.ts";

/** The configured port, or the dialect's own if none is configured. */
export const portName = (dialect: DialectChoice, configured: string): string =>
  dialect === "qga" && configured === DEFAULT_CHANNEL_NAME ? QGA_CHANNEL_NAME : configured;
