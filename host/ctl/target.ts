/**
 * The VM that a command acts on.
 *
 * @module
 */

import { UsageError } from "../../lib/base/command_line.ts";
import { type AgentChannel, channelsNamed, findChannels, type FoundChannels } from "../channels.ts";
import type { AgentClient, ClientOptions } from "../client.ts";
import { CallError } from "../errors.ts";
import { channelsOfHostd, connectChannel } from "../hostd_client.ts";
import { groupOf } from "../owner.ts";
import type { Invocation } from "./command.ts";
import { throughDaemon } from "./daemon.ts";
import { fleetChannels, fleetChannelsNamed } from "./fleet.ts";
import { printable } from "./printable.ts";

const MAX_LISTED = 10;

/**
 * The channel that `--socket` or `--domain` names.
 *
 * @throws {UsageError} if there is neither or both, or several VMs have the name.
 * @throws {CallError} if no VM has the name.
 */
export async function targetOf(invocation: Invocation): Promise<AgentChannel> {
  const { socket, domain } = invocation;
  if (socket !== undefined && domain !== undefined) {
    throw new UsageError("--socket and --domain both name a VM; give only one");
  }
  if (socket !== undefined) {
    const owned = await throughDaemon(invocation.hostd, channelsOfHostd);
    const known = owned?.find(({ path }) => path === socket);
    return { ...known, name: socket, path: socket, isShortened: false };
  }
  if (domain === undefined) {
    const socketOr = invocation.fleet === undefined ? " or --socket PATH" : "";
    throw new UsageError(`which VM? Give --domain NAME${socketOr}`);
  }
  const { channels, problems } = await channelsOf(invocation);
  const [channel, ...others] = invocation.fleet === undefined
    ? channelsNamed(channels, domain)
    : fleetChannelsNamed(channels, domain);
  if (channel === undefined) {
    const refused = problems.find(({ isPermission }) => isPermission);
    if (refused !== undefined) {
      const why = `${refused.path}: permission denied${await groupAdvice(refused.path)}`;
      throw new CallError(why, "permission denied");
    }
    const known = listed(channels.map(({ name }) => name));
    throw new CallError(
      `no VM named ${quoted(domain)} has an agent channel; ${known}`,
      "no socket",
    );
  }
  if (others.length > 0) {
    const paths = listed([channel, ...others].map(({ path }) => path));
    const option = invocation.fleet === undefined ? "--socket" : "--domain HOST/NAME";
    throw new UsageError(`several VMs are named ${quoted(domain)}; give ${option}: ${paths}`);
  }
  return channel;
}

/** The channels of all VMs: those that the daemon owns, or without it those that are found. */
export async function channelsOf(invocation: Invocation): Promise<FoundChannels> {
  if (invocation.fleet !== undefined) {
    return { channels: await fleetChannels(invocation.fleet), problems: [] };
  }
  const owned = await throughDaemon(invocation.hostd, channelsOfHostd);
  if (owned !== undefined) return { channels: owned, problems: [] };
  return await findChannels(invocation.searchPaths);
}

/**
 * Connects to the VM that the command acts on, through the daemon or to its channel, which is locked.
 *
 * @throws {UsageError} {CallError} with advice for a person.
 */
export async function connectTarget(
  invocation: Invocation,
  options?: ClientOptions,
): Promise<{ client: AgentClient; channel: AgentChannel }> {
  const channel = await targetOf(invocation);
  try {
    const { lockAs } = invocation;
    return { client: await connectChannel(channel, { lockAs, ...options }), channel };
  } catch (error) {
    throw error instanceof CallError ? await advise(error, channel, invocation) : error;
  }
}

/** The same error with advice added to its message. */
async function advise(
  error: CallError,
  { path }: AgentChannel,
  { searchPaths }: Invocation,
): Promise<CallError> {
  if (error.reason === "no socket") {
    const { channels } = await findChannels(searchPaths);
    const known = listed(channels.map((channel) => channel.path));
    return new CallError(`${printable(error.message)}; ${known}`, error.reason);
  }
  if (error.reason === "permission denied") {
    const why = `${printable(path)}: permission denied${await groupAdvice(path)}`;
    return new CallError(why, error.reason);
  }
  if (error.reason === "not served") {
    const why = `${
      printable(error.message)
    }; the VM is off, or QEMU has not created the channel yet`;
    return new CallError(why, error.reason);
  }
  return error;
}

async function groupAdvice(path: string): Promise<string> {
  const owner = await groupOf(path);
  return owner === undefined
    ? ""
    : `; ${printable(owner.path)} belongs to the group ${owner.group}: run this as root or as a ` +
      "member of that group";
}

/** The names that exist, as a sentence. */
function listed(names: readonly string[]): string {
  if (names.length === 0) {
    return "no channel was found: check --channels, and the channel in the domain's XML";
  }
  const first = names.slice(0, MAX_LISTED).map(quoted).join(", ");
  return names.length > MAX_LISTED
    ? `there are ${first} and ${names.length - MAX_LISTED} more`
    : `there ${names.length === 1 ? "is" : "are"} ${first}`;
}

const quoted = (name: string) => `"${printable(name)}"`;
