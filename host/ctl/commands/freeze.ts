import { argument, multiple, object, option, optional } from "@optique/core";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import { defineCommand, type Invocation, lines, seconds, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

const DEFAULT_TTL_SECONDS = 60;
const MAX_TTL_SECONDS = 3600;
/** Flushing a busy guest's disks may take as long as the freeze. */
const TIMEOUT_MS = MAX_TTL_SECONDS * 1000;

/** `freeze`: stops writing in the guest, for a limited time. */
export const freeze = defineCommand(
  {
    name: "freeze",
    brief: "Freezes a VM's file systems, for a consistent copy of its disks.",
    details: [
      "They are thawed by kvmmanager-ctl thaw, or by themselves after --ttl. Check the exit status " +
      "of thaw: 1 means that they were thawed too early.",
    ],
    examples: ["freeze --domain vm1", "freeze --domain vm1 --ttl 300 /srv", "freeze --status"],
  },
  object({
    ttl: optional(option("--ttl", seconds(1, MAX_TTL_SECONDS), {
      description: lines([`thaws after this time (default ${DEFAULT_TTL_SECONDS})`]),
    })),
    status: option("--status", { description: lines(["tells what is frozen"]) }),
    mountPoints: multiple(argument(words("PATH"))),
  }),
  async ({ ttl = DEFAULT_TTL_SECONDS, status, mountPoints }, invocation) => {
    if (status) return await tellStatus(invocation);
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const result = await client.call("fs_freeze", {
      ttl_seconds: Math.ceil(ttl),
      ...mountPoints.length > 0 ? { mount_points: [...mountPoints] } : {},
    }, { signal: invocation.signal, timeoutMs: TIMEOUT_MS });
    if (invocation.json) {
      printLine(printableJson(result));
      return EXIT.ok;
    }
    for (const path of result.frozen) printLine(`frozen ${printable(path)}`);
    for (const { mount_point, reason } of result.skipped) {
      printError(`left out ${printable(mount_point)}: ${printable(reason)}`);
    }
    return EXIT.ok;
  },
);

async function tellStatus(invocation: Invocation): Promise<number> {
  const { client } = await connectTarget(invocation);
  await using _client = client;
  const { signal, json } = invocation;
  const status = await client.call("fs_freeze_status", {}, { signal });
  if (json) printLine(printableJson(status));
  else if (status.frozen.length === 0) printLine("nothing is frozen");
  else {
    for (const path of status.frozen) printLine(`frozen ${printable(path)}`);
    if (status.remaining_seconds !== undefined) printLine(`for ${status.remaining_seconds} s more`);
  }
  return EXIT.ok;
}
