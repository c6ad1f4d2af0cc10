import { object, option } from "@optique/core";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines } from "../command.ts";
import { EXIT } from "../exit.ts";
import { table } from "../format.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

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
    const all: Package[] = [];
    const updates: Updates["updates"] = [];
    let last: Updates | undefined;
    let cursor: string | undefined = "";
    do {
      let next: string | undefined;
      if (wantsUpdates) {
        last = await client.call("package_updates", { cursor, limit: 1000 }, options);
        updates.push(...last.updates);
        next = last.cursor;
      } else {
        const page = await client.call("package_list", { cursor, limit: 1000 }, options);
        all.push(...page.packages);
        next = page.cursor;
      }
      // A guest that repeats itself must not keep the command going.
      cursor = next !== undefined && next > cursor ? next : undefined;
    } while (cursor !== undefined);
    if (last === undefined) {
      printLine(json ? printableJson(all, 2) : table(["NAME", "VERSION", "ARCH"], all.map(cells)));
      return EXIT.ok;
    }
    if (json) printLine(printableJson({ ...last, updates, cursor: undefined }, 2));
    else {
      printLine(table(["NAME", "INSTALLED", "AVAILABLE", "SECURITY"], updates.map(updateCells)));
      if (last.reboot_required) printError("kvmmanager-ctl: an installed update needs a reboot");
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
