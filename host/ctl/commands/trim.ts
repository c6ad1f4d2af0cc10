import { argument, multiple, object } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import { defineCommand, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { bytesText, table } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** Each file system has ten minutes in the guest. */
const TIMEOUT_MS = 3_600_000;

/** `trim`: tells the host which blocks of the guest's disks are unused. */
export const trim = defineCommand(
  {
    name: "trim",
    brief: "Tells the host which blocks of a VM's disks are unused.",
    examples: ["trim --domain vm1", "trim --domain vm1 / /srv"],
  },
  object({ mountPoints: multiple(argument(words("PATH"))) }),
  async ({ mountPoints }, invocation) => {
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const params = mountPoints.length > 0 ? { mount_points: [...mountPoints] } : {};
    const options = { signal: invocation.signal, timeoutMs: TIMEOUT_MS };
    const { filesystems } = await client.call("fs_trim", params, options);
    if (invocation.json) printLine(printableJson({ filesystems }));
    else {
      printLine(table(
        ["MOUNTED ON", "TRIMMED"],
        filesystems.map(({ mount_point, trimmed_bytes, error }) => [
          printable(mount_point),
          trimmed_bytes === undefined ? printable(error ?? "failed") : bytesText(trimmed_bytes),
        ]),
      ));
    }
    return filesystems.some(({ trimmed_bytes }) => trimmed_bytes === undefined)
      ? EXIT.errorAnswer
      : EXIT.ok;
  },
);
