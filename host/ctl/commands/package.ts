import { object, option } from "@optique/core";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines } from "../command.ts";
import { EXIT } from "../exit.ts";
import { table } from "../format.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { readPages } from "./_pages.ts";

type Package = ResultOf<"package_list">["packages"][number];
type Updates = ResultOf<"package_updates">;

const TIMEOUT_MS = 60_000;

/** `package`: the packages of a guest, or their updates. */
export const packages = defineCommand(
  {
    name: "package",
    brief: "Lists the packages of a guest, or their updates.",
    details: ["Updates are those that the guest's own lists know of; nothing is downloaded."],
    examples: ["package --domain vm1", "package --domain vm1 --updates"],
  },
  object({
    updates: option("--updates", { description: lines(["lists what can be updated"]) }),
  }),
  async ({ updates: wantsUpdates }, invocation) => {
    const { json, signal } = invocation;
    const options = { signal, timeoutMs: TIMEOUT_MS, cancelInGuest: true };
    const { client } = await connectTarget(invocation);
    await using _client = client;
    if (!wantsUpdates) {
      const all = await readPages(async (cursor, limit) => {
        const page = await client.call("package_list", { cursor, limit }, options);
        return { entries: page.packages, next: page.cursor };
      });
      printLine(json ? printableJson(all, 2) : table(["NAME", "VERSION", "ARCH"], all.map(cells)));
      return EXIT.ok;
    }
    let last: Updates | undefined;
    const updates = await readPages(async (cursor, limit) => {
      last = await client.call("package_updates", { cursor, limit }, options);
      return { entries: last.updates, next: last.cursor };
    });
    if (json) printLine(printableJson({ ...last, updates, cursor: undefined }, 2));
    else {
      printLine(table(["NAME", "INSTALLED", "AVAILABLE", "SECURITY"], updates.map(updateCells)));
      if (last?.reboot_required) printError("kvmmanager-ctl: an installed update needs a reboot");
    }
    return EXIT.ok;
  },
);

const cells = ({ name, version, architecture }: Package) => [name, version, architecture];

const updateCells = ({ name, installed, available, security }: Updates["updates"][number]) => [
  name,
  installed ?? "",
  available,
  security === undefined ? "" : security ? "yes" : "no",
];
