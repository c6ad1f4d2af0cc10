/**
 * Facts about a Windows guest, read without starting a process.
 *
 * @module
 */

import type {
  Facts,
  FilesystemReport,
  NetworkInterface,
  SystemInfo,
} from "../../../guest/facts.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { readKey } from "../registry/read_key.ts";
import { dataOf } from "../registry/values.ts";
import { filesystems } from "./filesystems.ts";
import { adapters } from "./network.ts";

const BYTES_PER_KB = 1024;
const VERSION_KEY = String.raw`SOFTWARE\Microsoft\Windows NT\CurrentVersion`;
const ALL_PROCESSOR_GROUPS = 0xffff;
/** Longer than any value of the key that is read. */
const MAX_VALUE_BYTES = 1024;
/** From this build on, Windows 10 is called Windows 11; the registry still says 10. */
const FIRST_BUILD_OF_11 = 22_000;

/** The name of the product, from what the registry and the kernel say. */
export function productName(registered: string | undefined, kernelVersion: string): string {
  const build = Number(kernelVersion.split(".").at(-1));
  const name = registered ?? "Windows";
  return build >= FIRST_BUILD_OF_11 ? name.replace(/^Windows 10\b/, "Windows 11") : name;
}

/** The facts of the guest that the agent runs in. */
export class WindowsFacts implements Facts {
  #name: string | undefined;

  info(): Promise<SystemInfo> {
    const kernelVersion = Deno.osRelease();
    // The product does not change while the agent runs.
    this.#name ??= productName(registeredName(), kernelVersion);
    const { total, free } = Deno.systemMemoryInfo();
    return Promise.resolve({
      os_type: "windows",
      os_name: this.#name,
      os_version: kernelVersion,
      kernel_version: kernelVersion,
      hostname: Deno.hostname(),
      architecture: Deno.build.arch,
      cpu_count: kernel32.GetActiveProcessorCount(ALL_PROCESSOR_GROUPS),
      total_memory_kb: Math.floor(total / BYTES_PER_KB),
      uptime_seconds: Math.floor(Deno.osUptime()),
      // Deno's "available" is 0 on Windows; its "free" is what Windows calls available.
      available_memory_kb: Math.floor(free / BYTES_PER_KB),
    });
  }

  networkInterfaces(): Promise<readonly NetworkInterface[]> {
    return Promise.resolve(adapters());
  }

  filesystems(): Promise<FilesystemReport> {
    return Promise.resolve({ filesystems: filesystems(), unresponsive: [] });
  }
}

function registeredName(): string | undefined {
  const values = readKey(VERSION_KEY, MAX_VALUE_BYTES) ?? [];
  const found = values.find(({ name }) => name === "ProductName");
  const name = found && dataOf(found);
  return typeof name === "string" ? name.toWellFormed() : undefined;
}
