/**
 * Finding the agents' channels of a host: the unix sockets that QEMU creates for libvirt, or those of
 * another directory or pattern.
 *
 * A VM's name never becomes part of a path that is opened: names are taken from the paths that exist,
 * and compared.
 *
 * @module
 */

import { messageOf } from "../lib/base/message_of.ts";
import type { AgentConnection } from "./client.ts";

/** The channel's name in a domain's XML (protocol, "Virtio-Serial Configuration"). */
export const CHANNEL_NAME = "org.kvmmanager.agent.0";

/** Where libvirt puts the channel sockets of system VMs; it depends on libvirt's version. */
export const LIBVIRT_DIRECTORIES = [
  "/var/lib/libvirt/qemu/channel/target",
  "/run/libvirt/qemu/channel",
] as const;

/** libvirt's `domain-ID-NAME`, in newer versions `ID-NAME`; NAME is truncated to this length. */
const SHORT_NAME_CHARACTERS = 20;
const DOMAIN_DIRECTORY_REGEXP = /^(?:domain-)?(\d+)-(.+)$/s;

/** A channel that was found. */
export interface AgentChannel {
  /** The VM's name, as far as the path shows it. */
  readonly name: string;
  /** The socket. */
  readonly path: string;
  /** Whether libvirt may have truncated the name. */
  readonly isShortened: boolean;
  /** The daemon's id of the VM, if the daemon told of it. */
  readonly id?: string;
  /** The daemon's socket, if the daemon owns the channel. */
  readonly hostd?: string;
  /** Connects to the agent in another way than by a socket of this host. */
  readonly open?: () => AgentConnection;
}

/** The channels that were found, and the directories that could not be read. */
export interface FoundChannels {
  /** Sorted by name. */
  readonly channels: readonly AgentChannel[];
  /** Search paths that exist and could not be read. */
  readonly problems: readonly SearchProblem[];
}

/** A directory that could not be read. */
export interface SearchProblem {
  /** The directory. */
  readonly path: string;
  /** For a person. */
  readonly reason: string;
  /** Whether this process lacks the permission. */
  readonly isPermission: boolean;
}

/**
 * Where to search: a directory with one of libvirt's layouts (`NAME.org.kvmmanager.agent.0`,
 * `domain-ID-NAME/org.kvmmanager.agent.0`, `ID-NAME/org.kvmmanager.agent.0`); or a pattern with one
 * `*` for the VM's name, in any component: `/run/vms/vm-*.sock`, `/run/vms/vm-*-dir/agent.sock`.
 */
export type SearchPath = string;

/** Finds channels. A search path that does not exist has none, which is not an error. */
export async function findChannels(searchPaths: readonly SearchPath[]): Promise<FoundChannels> {
  const found = new Map<string, AgentChannel>();
  const problems: SearchProblem[] = [];
  for (const path of searchPaths) {
    for await (const channel of channelsAt(path, problems)) found.set(channel.path, channel);
  }
  const byName = (a: AgentChannel, b: AgentChannel) =>
    a.name < b.name || a.name === b.name && a.path < b.path ? -1 : 1;
  return { channels: [...found.values()].sort(byName), problems };
}

/** The directory in which the channels of a search path appear, for watching it. */
export const directoryOf = (path: SearchPath): string => splitPattern(path)?.directory ?? path;

/**
 * Why a search path cannot be used, for a person; `undefined` if it can. {@link findChannels} takes
 * a second `*` literally.
 */
export function problemOfSearchPath(path: SearchPath): string | undefined {
  const stars = path.split("*").length - 1;
  return stars > 1 ? `may have one "*", for the VM's name, received "${path}"` : undefined;
}

/** The parts of a pattern `DIRECTORY/BEFORE*AFTER/REST`; REST is often empty. */
interface Pattern {
  readonly directory: string;
  readonly before: string;
  readonly after: string;
  readonly rest: string;
}

function splitPattern(path: SearchPath): Pattern | undefined {
  const components = path.split("/");
  const at = components.findIndex((component) => component.includes("*"));
  const component = components[at];
  if (component === undefined) return undefined;
  const [before = "", ...after] = component.split("*");
  const directory = components.slice(0, at).join("/");
  return {
    directory: directory === "" && at > 0 ? "/" : directory || ".",
    before,
    after: after.join("*"),
    rest: components.slice(at + 1).map((name) => `/${name}`).join(""),
  };
}

function channelsAt(path: SearchPath, problems: SearchProblem[]): AsyncGenerator<AgentChannel> {
  const pattern = splitPattern(path);
  return pattern === undefined ? libvirtChannels(path, problems) : matches(pattern, problems);
}

async function* matches(
  { directory, before, after, rest }: Pattern,
  problems: SearchProblem[],
): AsyncGenerator<AgentChannel> {
  for (const { name, isFile } of await entriesOf(directory, problems)) {
    const fits = name.length > before.length + after.length && name.startsWith(before) &&
      name.endsWith(after);
    const path = `${directory === "/" ? "" : directory}/${name}${rest}`;
    if (!fits || isFile || !await isSocket(path)) continue;
    yield { name: name.slice(before.length, name.length - after.length), path, isShortened: false };
  }
}

async function* libvirtChannels(
  directory: string,
  problems: SearchProblem[],
): AsyncGenerator<AgentChannel> {
  const suffix = `.${CHANNEL_NAME}`;
  for (const entry of await entriesOf(directory, problems)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) {
      const name = DOMAIN_DIRECTORY_REGEXP.exec(entry.name)?.[2];
      if (name === undefined || !await isSocket(`${path}/${CHANNEL_NAME}`)) continue;
      const isShortened = [...name].length >= SHORT_NAME_CHARACTERS;
      yield { name, path: `${path}/${CHANNEL_NAME}`, isShortened };
    } else if (entry.name.endsWith(suffix) && entry.name.length > suffix.length && !entry.isFile) {
      yield { name: entry.name.slice(0, -suffix.length), path, isShortened: false };
    }
  }
}

async function entriesOf(directory: string, problems: SearchProblem[]): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(directory));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    const isPermission = error instanceof Deno.errors.PermissionDenied;
    const reason = isPermission ? "permission denied" : messageOf(error);
    problems.push({ path: directory, reason, isPermission });
    return [];
  }
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isSocket === true;
  } catch {
    return false;
  }
}

/** The channels of the VMs that a name can mean; several if the name is ambiguous. */
export function channelsNamed(channels: readonly AgentChannel[], name: string): AgentChannel[] {
  const exact = channels.filter((channel) => channel.name === name || channel.id === name);
  if (exact.length > 0) return exact;
  const short = [...name].slice(0, SHORT_NAME_CHARACTERS).join("");
  return channels.filter((channel) => channel.isShortened && channel.name === short);
}
