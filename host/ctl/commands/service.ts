import { argument, object, optional } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { bytesText, table, timeText } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { readPages } from "./_pages.ts";
import { controlService, SERVICE_ACTIONS } from "./_service_control.ts";

type Service = ResultOf<"service_list">["services"][number];

/** `service`: the services of a guest, or one of them. */
export const service = defineCommand(
  {
    name: "service",
    brief: "Lists the services of a guest, describes one, or controls it.",
    details: [
      "Exit status with a name: 0 active, 1 anything else.",
      `ACTION is ${
        SERVICE_ACTIONS.join(", ")
      }; if it fails, the end of the service's log is printed.`,
    ],
    examples: [
      "service --domain vm1",
      "service --domain vm1 ssh",
      "service --domain vm1 nginx restart",
    ],
  },
  object({
    name: optional(argument(words("NAME"), { description: lines(["one service"]) })),
    action: optional(argument(words("ACTION", SERVICE_ACTIONS))),
  }),
  async ({ name, action }, invocation) => {
    if (name !== undefined && action !== undefined) {
      return await controlService(name, action, invocation);
    }
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    if (name === undefined) {
      const services = await readPages(async (cursor, limit) => {
        const page = await client.call("service_list", { cursor, limit }, { signal });
        return { entries: page.services, next: page.cursor };
      });
      if (json) printLine(printableJson(services, 2));
      else printLine(table(HEADING, services.map(cells)));
      return EXIT.ok;
    }
    const status = await client.call("service_status", { name }, { signal });
    if (json) printLine(printableJson(status, 2));
    else for (const [key, value] of Object.entries(status)) printLine(line(key, value));
    return status.state === "active" ? EXIT.ok : EXIT.errorAnswer;
  },
);

const HEADING = ["NAME", "STATE", "DETAIL", "STARTUP", "DESCRIPTION"] as const;

const cells = (one: Service) => [
  one.name,
  one.state,
  one.detail ?? "",
  one.startup ?? "",
  one.description ?? "",
];

function line(key: string, value: unknown): string {
  const name = key.replace(/_bytes$|_total$/, "").replaceAll("_", " ").padEnd(14);
  const shown = Array.isArray(value)
    ? value.join(" ")
    : key.endsWith("_bytes") && typeof value === "number"
    ? bytesText(value)
    : key === "active_since" && typeof value === "number"
    ? timeText(value * 1000, "seconds")
    : String(value);
  return printable(`${name} ${shown}`);
}
