/**
 * Finding the agents' channels of a host: the unix sockets that libvirt has QEMU make, or those of a
 * directory.
 *
 * A name of a VM is never part of a path that is opened: names are read out of the paths that are
 * there, and compared.
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { messageOf } from "../lib/base/message_of.ts";

/** The channel's name in a domain's XML (protocol, "Virtio-Serial Configuration"). */
export const CHANNEL_NAME = "org.kvmmanager.agent.0";

/** Where libvirt puts the channel sockets of the system's VMs, by its version. */
export const LIBVIRT_DIRECTORIES = [
  "/var/lib/libvirt/qemu/channel/target",
  "/run/libvirt/qemu/channel",
] as const;

/** libvirt's `domain-ID-NAME`, in newer ones `ID-NAME`; NAME is cut off at so many characters. */
const SHORT_NAME_CHARACTERS = 20;
const DOMAIN_DIRECTORY_REGEXP = /^(?:domain-)?(\d+)-(.+)$/s;

/** A channel that was found. */
export interface AgentChannel {
  /** The VM's name, as far as the path tells it. */
  readonly name: string;
  /** The socket. */
  readonly path: string;
  /** Whether the name may have been cut off by libvirt. */
  readonly isShortened: boolean;
}

/** What was found, and where it could not be looked. */
export interface FoundChannels {
  readonly channels: readonly AgentChannel[];
  readonly problems: readonly SearchProblem[];
}

/** A directory that could not be read. */
export interface SearchProblem {
  readonly path: string;
  /** For a person. */
  readonly reason: string;
  readonly isPermission: boolean;
}

/**
 * Where to look: directories, each in libvirt's layouts (`NAME.org.kvmmanager.agent.0`,
 * `domain-ID-NAME/org.kvmmanager.agent.0`, `ID-NAME/org.kvmmanager.agent.0`); or a pattern whose last
 * component has `*` for the VM's name, as `/run/vms/*.sock`.
 */
export type SearchPath = string;

/** Looks for channels. A place that does not exist has none; that is no problem. */
export async function findChannels(searchPaths: readonly SearchPath[]): Promise<FoundChannels> {
  const found = new Map<string, AgentChannel>();
  const problems: SearchProblem[] = [];
  for (const place of searchPaths) {
    for await (const channel of channelsAt(place, problems)) found.set(channel.path, channel);
  }
  const byName = (a: AgentChannel, b: AgentChannel) =>
    a.name < b.name || a.name === b.name && a.path < b.path ? -1 : 1;
  return { channels: [...found.values()].sort(byName), problems };
}

/** The directories that a place's channels appear in, for who watches them. */
export const directoryOf = (place: SearchPath): string => isPattern(place) ? dirname(place) : place;

const isPattern = (place: SearchPath) => basename(place).includes("*");

async function* channelsAt(
  place: SearchPath,
  problems: SearchProblem[],
): AsyncGenerator<AgentChannel> {
  const directory = directoryOf(place);
  if (isPattern(place)) {
    const [before = "", ...rest] = basename(place).split("*");
    const after = rest.join("*");
    for (const entry of await entriesOf(directory, problems)) {
      const { name } = entry;
      const fits = name.length > before.length + after.length && name.startsWith(before) &&
        name.endsWith(after);
      if (!fits || entry.isDirectory || entry.isFile) continue;
      const vm = name.slice(before.length, name.length - after.length);
      yield { name: vm, path: `${directory}/${name}`, isShortened: false };
    }
    return;
  }
  const suffix = `.${CHANNEL_NAME}`;
  for (const entry of await entriesOf(directory, problems)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) {
      const match = DOMAIN_DIRECTORY_REGEXP.exec(entry.name);
      const name = match?.[2];
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
    return (await Deno.lstat(path)).isSocket === true;
  } catch {
    return false;
  }
}

/** Those channels whose VM a person can mean by a name; several where it is ambiguous. */
export function channelsNamed(channels: readonly AgentChannel[], name: string): AgentChannel[] {
  const exact = channels.filter((channel) => channel.name === name);
  if (exact.length > 0) return exact;
  const short = [...name].slice(0, SHORT_NAME_CHARACTERS).join("");
  return channels.filter((channel) => channel.isShortened && channel.name === short);
}
