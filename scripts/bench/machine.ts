/**
 * The machine that the numbers were measured on.
 *
 * @module
 */

import { VERSION } from "../../lib/base/version.ts";

/** Names and values, in the order in which they are shown. */
export type Machine = Readonly<Record<string, string>>;

const BYTES_PER_GIB = 1024 ** 3;

/** Describes this machine. */
export async function describeMachine(qemuGaVersion: string): Promise<Machine> {
  const cpu = /^model name\s*: (.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1];
  const system = /^PRETTY_NAME="?(.*?)"?$/m.exec(await Deno.readTextFile("/etc/os-release"))?.[1];
  const memory = (Deno.systemMemoryInfo().total / BYTES_PER_GIB).toFixed(1);
  return {
    processor: `${cpu ?? Deno.build.arch}, ${navigator.hardwareConcurrency} cores, ${memory} GiB`,
    system: `${system ?? "Linux"}, kernel ${Deno.osRelease()}`,
    versions: `kvmmanager-agent ${VERSION} (bundled, Deno ${Deno.version.deno}); ${qemuGaVersion}`,
    date: new Date().toISOString().slice(0, "2000-01-01".length),
  };
}
