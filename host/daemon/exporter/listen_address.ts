/**
 * The address that `--metrics-listen` names.
 *
 * @module
 */

import { UsageError } from "../../../lib/base/command_line.ts";

/** Where to listen. */
export interface ListenAddress {
  readonly hostname: string;
  /** 0 for any free port. */
  readonly port: number;
}

const LOOPBACK = "127.0.0.1";
const ADDRESS_REGEXP = /^(?:(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):)?(\d{1,5})$/i;
const MAX_PORT = 65_535;

/**
 * Reads `PORT`, `ADDRESS:PORT` or `[IPV6]:PORT`; a port alone is one of the loopback interface.
 *
 * @throws {UsageError} for anything else.
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, ipv6, name, port] = ADDRESS_REGEXP.exec(text) ?? [];
  if (port === undefined || Number(port) > MAX_PORT) {
    throw new UsageError(
      `--metrics-listen must be PORT or ADDRESS:PORT, received "${text}"; PORT alone listens on ` +
        `${LOOPBACK}, and 0.0.0.0:PORT on every interface`,
    );
  }
  return { hostname: ipv6 ?? name ?? LOOPBACK, port: Number(port) };
}

/** Whether only programs of this machine can connect. */
export const isLoopback = ({ hostname }: ListenAddress): boolean =>
  hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
