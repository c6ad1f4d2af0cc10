/**
 * Connecting to a NATS system.
 *
 * @module
 */

import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  nkeys,
  type ServerInfo,
} from "@nats-io/transport-node";
import { UsageError } from "../../lib/base/command_line.ts";
import { messageOf } from "../../lib/base/message_of.ts";

/** Which system, and as whom. */
export interface NatsAddress {
  /** `nats://HOST:PORT` or `tls://HOST:PORT`; several are separated by commas. */
  readonly url: string;
  /** A file with a user's JWT and key, or with the key alone. */
  readonly credentialsFile: string | undefined;
}

const SEED_REGEXP = /\bSU[A-Z2-7]{56}\b/;
const RECONNECT_MS = 500;
const CONNECT_MS = 5000;
const PING_MS = 10_000;

/** The first versions without known ways around permissions, by their release series. */
const SOUND_VERSIONS: readonly (readonly number[])[] = [[2, 11, 16], [2, 12, 7], [2, 14, 0]];

/**
 * Connects; later it reconnects by itself, for as long as it takes.
 *
 * @param name What the server calls this client.
 * @throws {UsageError} if the credentials cannot be read.
 * @throws {Error} of the library, if there is no connection.
 */
export async function connectNats(address: NatsAddress, name: string): Promise<NatsConnection> {
  const user = await readUser(address.credentialsFile);
  return await connect({
    servers: address.url.split(","),
    name,
    authenticator: user?.authenticator,
    // One that only this user may listen to.
    inboxPrefix: user === undefined ? "_INBOX" : `_INBOX.${user.publicKey}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    ignoreAuthErrorAbort: true,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    ...address.url.startsWith("tls:") && { tls: {} },
  });
}

interface User {
  readonly authenticator: Authenticator;
  readonly publicKey: string;
}

async function readUser(file: string | undefined): Promise<User | undefined> {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new UsageError(`the credentials cannot be read: ${messageOf(error)}`);
  }
  const [seed] = SEED_REGEXP.exec(text) ?? [];
  if (seed === undefined) {
    throw new UsageError(`${file} has no user's key: a line of 58 characters that begins with SU`);
  }
  const bytes = new TextEncoder().encode(seed);
  try {
    const publicKey = nkeys.fromSeed(bytes).getPublicKey();
    const authenticator = text.includes("BEGIN NATS USER JWT")
      ? credsAuthenticator(new TextEncoder().encode(text))
      : nkeyAuthenticator(bytes);
    return { authenticator, publicKey };
  } catch (error) {
    throw new UsageError(`${file} has no valid user's key: ${messageOf(error)}`);
  }
}

/** A warning about the server for a person; `undefined` if there is nothing to say. */
export function warningAbout(info: Pick<ServerInfo, "version"> | undefined): string | undefined {
  if (info === undefined) return undefined;
  const [major = 0, minor = 0, patch = 0] = info.version.split(".").map((part) =>
    Number.parseInt(part)
  );
  const isSound = major > 2 || major === 2 && minor > 14 ||
    SOUND_VERSIONS.some(([a, b, c = 0]) => major === a && minor === b && patch >= c);
  return isSound
    ? undefined
    : `nats-server ${info.version} has known ways around permissions: use 2.11.16, 2.12.7, or 2.14 ` +
      "or later";
}
