/**
 * Finds out why a guest's agent does not answer, and what is wrong with one that does.
 *
 * @module
 */

import { ERRORS } from "../lib/base/errors.ts";
import { messageOf } from "../lib/base/message_of.ts";
import { VERSION } from "../lib/base/version.ts";
import { type AgentChannel, CHANNEL_NAME } from "./channels.ts";
import type { AgentClient } from "./client.ts";
import { measureClockOffset } from "./clock_offset.ts";
import { AnswerError, CallError } from "./errors.ts";
import { connectChannel, HostdClient } from "./hostd_client.ts";
import { fullestDisk } from "./overview.ts";

/** One thing that was checked. */
export interface Finding {
  readonly about: string;
  readonly verdict: "right" | "wrong" | "unknown";
  readonly found: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** Where libvirt keeps the XML of domains; readable by root only. */
const LIBVIRT_STATUS = "/run/libvirt/qemu";
const LIBVIRT_CONFIGURATION = "/etc/libvirt/qemu";

const TIMEOUT_MS = 5000;
const MAX_OFFSET_MS = 1000;
const FULL_PERCENT = 95;

/**
 * What libvirt knows of a VM that runs, or of one that does not.
 *
 * @param name The domain's name.
 * @param directories Where the XML is: of running domains, of all.
 */
export async function checkDomain(
  name: string,
  directories: readonly [string, string] = [LIBVIRT_STATUS, LIBVIRT_CONFIGURATION],
): Promise<Finding[]> {
  const isPlain = !name.includes("/") && !name.includes("\0") && name !== "";
  const [status, configuration] = await Promise.all(
    directories.map((directory) =>
      isPlain ? Deno.readTextFile(`${directory}/${name}.xml`).catch(() => undefined) : undefined
    ),
  );
  const xml = status ?? configuration;
  if (xml === undefined) {
    return [{
      about: "domain",
      verdict: "unknown",
      found: `libvirt's description of ${name} cannot be read`,
      advice: "run this as root on the host of the VM; without libvirt this does not matter",
    }];
  }
  return [runState(status), channelState(xml, status !== undefined)];
}

function runState(status: string | undefined): Finding {
  const about = "virtual machine";
  const state = /<domstatus state=['"](\w+)['"]/.exec(status ?? "")?.[1];
  if (status === undefined) {
    return { about, verdict: "wrong", found: "it is off", advice: "start it: virsh start NAME" };
  }
  if (state === "running") return { about, verdict: "right", found: "it runs" };
  const advice = state === "paused" ? "resume it: virsh resume NAME" : "see virsh domstate NAME";
  return { about, verdict: "wrong", found: `it is ${state ?? "in an unknown state"}`, advice };
}

/** Whether the domain has the channel, and whether the guest has opened its end. */
function channelState(xml: string, isRunning: boolean): Finding {
  const about = "channel";
  const target = [...xml.matchAll(/<target\b[^>]*>/g)].map(([tag]) => tag)
    .find((tag) => tag.includes(`'${CHANNEL_NAME}'`) || tag.includes(`"${CHANNEL_NAME}"`));
  if (target === undefined) {
    return {
      about,
      verdict: "wrong",
      found: `the domain has no channel ${CHANNEL_NAME}`,
      advice: "add <channel type='unix'><target type='virtio' " +
        `name='${CHANNEL_NAME}'/></channel> to its devices: virsh edit NAME`,
    };
  }
  const state = /state=['"](\w+)['"]/.exec(target)?.[1];
  if (!isRunning || state === undefined) {
    return { about, verdict: "unknown", found: "the domain has the channel" };
  }
  return state === "connected"
    ? { about, verdict: "right", found: "a program in the guest has opened the channel" }
    : {
      about,
      verdict: "wrong",
      found: "nothing in the guest has opened the channel",
      advice: "in the guest: is the agent installed and running (systemctl status " +
        "kvmmanager-agent), and is there a /dev/virtio-ports?",
    };
}

/** What to do if there is no answer, by the reason. */
const ADVICE: Readonly<Partial<Record<CallError["reason"], string>>> = {
  "no socket": "the VM is off, or its domain has no channel; see virsh dumpxml",
  "not served": "the VM is off, or QEMU has not created the channel yet",
  "permission denied": "run this as root, or as a member of the socket's group",
  "in use": "QEMU serves one program at a time; end the other one",
  timeout: "is the VM paused, is another program connected to the channel, or does the agent in " +
    "the guest hang? In the guest: systemctl status kvmmanager-agent",
  "connection lost": "QEMU closed the channel: was the VM stopped just now?",
};

/** Connects to the agent and examines it. Never throws for anything that is wrong with it. */
export async function checkAgent(
  channel: AgentChannel,
  { signal, lockAs }: { readonly signal: AbortSignal; readonly lockAs?: string },
): Promise<Finding[]> {
  const { path, hostd } = channel;
  const findings: Finding[] = [];
  try {
    if (hostd !== undefined) findings.push(await describeHostd(hostd));
    const client = await connectChannel(channel, { lockAs });
    await using _client = client;
    const how = hostd === undefined ? `connected to ${path}` : `the daemon has ${path}`;
    findings.push({ about: "socket", verdict: "right", found: how });
    const options = { timeoutMs: TIMEOUT_MS, signal };
    const start = performance.now();
    await client.call("ping", {}, options);
    const ms = (performance.now() - start).toFixed(1);
    findings.push({ about: "agent", verdict: "right", found: `it answered after ${ms} ms` });
    for (const [about, check] of Object.entries({ version, groups, clock, disks })) {
      findings.push(await check(client, options).catch((error) => failed(about, error)));
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CallError)) throw error;
    const about = findings.length === 0 ? "socket" : "agent";
    const advice = ADVICE[error.reason];
    findings.push({ about, verdict: "wrong", found: error.message, ...(advice && { advice }) });
  }
  return findings;
}

/** The daemon that owns the channel. */
async function describeHostd(socket: string): Promise<Finding> {
  const hostd = await HostdClient.connect(socket);
  await using _hostd = hostd;
  const { version, pid } = await hostd.info();
  const found = `kvmmanager-hostd ${version} (process ${pid}) owns the channel; asked at ${socket}`;
  return { about: "daemon", verdict: "right", found };
}

function failed(about: string, error: unknown): Finding {
  if (error instanceof AnswerError && error.code === ERRORS.methodNotFound.code) {
    return { about, verdict: "unknown", found: "the agent is too old to tell", advice: UPDATE };
  }
  if (error instanceof AnswerError) return { about, verdict: "unknown", found: error.reason };
  throw error;
}

const UPDATE = "update the package in the guest";

interface CheckOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function version(client: AgentClient, options: CheckOptions): Promise<Finding> {
  const { version: theirs } = await client.call("get_agent_info", {}, options);
  return theirs === VERSION ? { about: "version", verdict: "right", found: theirs } : {
    about: "version",
    verdict: "wrong",
    found: `the agent is ${theirs}, this program ${VERSION}`,
    advice: "use the same version on both sides: methods that only one knows are refused",
  };
}

async function groups(client: AgentClient, options: CheckOptions): Promise<Finding> {
  const { groups: on = [] } = await client.call("get_agent_info", {}, options);
  return { about: "groups", verdict: "right", found: `the guest allows ${on.join(", ")}` };
}

async function clock(client: AgentClient, options: CheckOptions): Promise<Finding> {
  const { offsetMs, uncertaintyMs, guest } = await measureClockOffset(client, options);
  const found = `${offsetMs.toFixed(0)} ms from the host's, ± ${uncertaintyMs.toFixed(0)} ms`;
  if (Math.abs(offsetMs) - uncertaintyMs > MAX_OFFSET_MS) {
    const advice = "set up time synchronization in the guest: systemd-timesyncd or chrony";
    return { about: "clock", verdict: "wrong", found, advice };
  }
  return guest.synchronized === false
    ? { about: "clock", verdict: "unknown", found: `${found}, but nothing synchronizes it` }
    : { about: "clock", verdict: "right", found };
}

async function disks(client: AgentClient, options: CheckOptions): Promise<Finding> {
  const fullest = fullestDisk((await client.call("get_disk_usage", {}, options)).filesystems);
  if (fullest === undefined) return { about: "disks", verdict: "unknown", found: "none reported" };
  const { mount_point, used_percent } = fullest;
  const found = `the fullest file system, ${mount_point}, is ${used_percent}% full`;
  return used_percent < FULL_PERCENT
    ? { about: "disks", verdict: "right", found }
    : { about: "disks", verdict: "wrong", found, advice: "free some space in the guest" };
}

/** The error of a search for the VM, as a finding. */
export const notFoundFinding = (error: unknown): Finding => ({
  about: "socket",
  verdict: "wrong",
  found: messageOf(error),
  advice: "check the VM's name, --channels, and the channel in the domain's XML",
});
