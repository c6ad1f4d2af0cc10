/**
 * The VM that a command is about.
 *
 * @module
 */

import { UsageError } from "../../lib/base/command_line.ts";
import { type AgentChannel, channelsNamed, findChannels } from "../channels.ts";
import { AgentClient, type ClientOptions } from "../client.ts";
import { CallError } from "../errors.ts";
import { groupOf } from "../owner.ts";
import type { Invocation } from "./command.ts";
import { printable } from "./printable.ts";

const MAX_TOLD = 10;

/**
 * The channel that `--socket` or `--domain` names.
 *
 * @throws {UsageError} when there is neither or both, or several VMs have the name.
 * @throws {CallError} when no VM has it.
 */
export async function targetOf(invocation: Invocation): Promise<AgentChannel> {
  const { socket, domain, searchPaths } = invocation;
  if (socket !== undefined && domain !== undefined) {
    throw new UsageError("--socket and --domain both name a VM; give one");
  }
  if (socket !== undefined) return { name: socket, path: socket, isShortened: false };
  if (domain === undefined) throw new UsageError("--socket PATH or --domain NAME is needed");
  const { channels, problems } = await findChannels(searchPaths);
  const [channel, ...others] = channelsNamed(channels, domain);
  if (channel === undefined) {
    const refused = problems.find(({ isPermission }) => isPermission);
    if (refused !== undefined) {
      const why = `${refused.path}: permission denied${await groupAdvice(refused.path)}`;
      throw new CallError(why, "permission denied");
    }
    const known = told(channels.map(({ name }) => name));
    throw new CallError(`no VM ${quoted(domain)} has an agent's channel; ${known}`, "no socket");
  }
  if (others.length > 0) {
    const paths = told([channel, ...others].map(({ path }) => path));
    throw new UsageError(`several VMs are named ${quoted(domain)}, give --socket; ${paths}`);
  }
  return channel;
}

/**
 * Connects to the VM that the command is about.
 *
 * @throws {UsageError} {CallError} with what a person can do about it.
 */
export async function connectTarget(
  invocation: Invocation,
  options?: ClientOptions,
): Promise<{ client: AgentClient; channel: AgentChannel }> {
  const channel = await targetOf(invocation);
  try {
    return { client: await AgentClient.connect(channel.path, options), channel };
  } catch (error) {
    throw error instanceof CallError ? await advise(error, channel, invocation) : error;
  }
}

/** The same error with advice in its message. */
async function advise(
  error: CallError,
  { path }: AgentChannel,
  { searchPaths }: Invocation,
): Promise<CallError> {
  if (error.reason === "no socket") {
    const { channels } = await findChannels(searchPaths);
    const known = told(channels.map((channel) => channel.path));
    return new CallError(`${printable(error.message)}; ${known}`, error.reason);
  }
  if (error.reason === "permission denied") {
    const why = `${printable(path)}: permission denied${await groupAdvice(path)}`;
    return new CallError(why, error.reason);
  }
  if (error.reason === "not served") {
    const why = `${printable(error.message)}; the VM is off, or QEMU has not opened the channel`;
    return new CallError(why, error.reason);
  }
  return error;
}

async function groupAdvice(path: string): Promise<string> {
  const owner = await groupOf(path);
  return owner === undefined
    ? ""
    : `; ${
      printable(owner.path)
    } belongs to the group ${owner.group}: run this as a member of it, or as root`;
}

/** Names, as a sentence. */
function told(names: readonly string[]): string {
  if (names.length === 0) return "none was found; see --channels and the domain's XML";
  const first = names.slice(0, MAX_TOLD).map(quoted).join(", ");
  return names.length > MAX_TOLD
    ? `there are ${first} and ${names.length - MAX_TOLD} more`
    : `there ${names.length === 1 ? "is" : "are"} ${first}`;
}

const quoted = (name: string) => `"${printable(name)}"`;
