import * as z from "zod";
import { method, NoParams } from "../../lib/core/method.ts";

/** `get_system_info` (protocol §3): operating system, processors, memory (KiB), uptime (s). */
export const getSystemInfo = method({
  name: "get_system_info",
  capability: "system_info",
  summary: "Returns the guest's operating system, processors, memory and uptime.",
  notes: [
    "`os_name` and `os_version` are `NAME` and `VERSION` of os-release(5), or `PRETTY_NAME` and " +
    "`VERSION_ID` if those are missing. `architecture` is what `uname -m` prints. " +
    "`total_memory_kb` is in KiB; `uptime_seconds` includes time spent suspended.",
    "`available_memory_kb` is the memory available without swapping. `load_average` has the " +
    "averages over 1, 5 and 15 minutes (proc_loadavg(5)). The report is at most one second old.",
  ],
  params: NoParams,
  result: () =>
    z.strictObject({
      os_type: z.string(),
      os_name: z.string(),
      os_version: z.string(),
      kernel_version: z.string(),
      hostname: z.string(),
      architecture: z.string(),
      cpu_count: z.int(),
      total_memory_kb: z.int(),
      uptime_seconds: z.int(),
      available_memory_kb: z.optional(z.int()),
      load_average: z.optional(z.readonly(z.array(z.number()))),
    }),
  access: "see",
  audited: false,
  example: {
    result: {
      os_type: "linux",
      os_name: "Debian GNU/Linux",
      os_version: "12 (bookworm)",
      kernel_version: "6.1.0-18-cloud-amd64",
      hostname: "db-1",
      architecture: "x86_64",
      cpu_count: 4,
      total_memory_kb: 4030772,
      uptime_seconds: 3600,
      available_memory_kb: 2915304,
      load_average: [0.08, 0.03, 0.01],
    },
  },
  known: (_params, { guest }) => guest.facts.known?.info(),
  run: (_params, { guest, signal }) => guest.facts.info(signal),
});
