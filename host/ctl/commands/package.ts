import { argument, multiple, object, option, optional } from "@optique/core";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { table } from "../format.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { changePackages, PACKAGE_ACTIONS } from "./_package_change.ts";
import { readPages } from "./_pages.ts";

type Package = ResultOf<"package_list">["packages"][number];
type Updates = ResultOf<"package_updates">;

const TIMEOUT_MS = 60_000;

/** `package`: the packages of a guest, their updates, and changes. */
export const packages = defineCommand(
  {
    name: "package",
    brief: "Lists the packages of a guest or their updates, or changes packages.",
    details: [
      "Updates are those that the guest's own lists know of; nothing is downloaded for --updates.",
      `ACTION is ${
        PACKAGE_ACTIONS.join(", ")
      }; upgrade without a NAME upgrades everything. The output`,
      "of the package manager is passed on, and the exit status is its own. Ctrl-C ends only this",
      "command: the change goes on as a job.",
    ],
    examples: [
      "package --domain vm1",
      "package --domain vm1 --updates",
      "package --domain vm1 install nginx",
      "package --domain vm1 upgrade",
    ],
  },
  object({
    updates: option("--updates", { description: lines(["lists what can be updated"]) }),
    noRefresh: option("--no-refresh", {
      description: lines(["does not ask the sources for what is new first"]),
    }),
    action: optional(argument(words("ACTION", PACKAGE_ACTIONS))),
    names: multiple(argument(words("NAME"))),
  }),
  async ({ updates: wantsUpdates, noRefresh, action, names }, invocation) => {
    if (action !== undefined) {
      return await changePackages({ action, names, refresh: !noRefresh }, invocation);
    }
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
