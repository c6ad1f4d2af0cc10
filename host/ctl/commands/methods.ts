import type { AgentClient } from "../../client.ts";
import type { ResultOf } from "../../protocol.ts";
import { object } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { table } from "../format.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { METHOD_DESCRIPTIONS } from "../../protocol.ts";

/** `methods`: the methods of an agent. */
export const methods = defineCommand(
  {
    name: "methods",
    brief: "Lists the methods of an agent, or without a VM those that this version knows.",
    details: ["With --json it prints the OpenRPC document, with all parameters and results."],
    examples: ["methods", "methods --domain vm1", "methods --domain vm1 --json"],
  },
  object({}),
  async (_values, invocation) => {
    const { json, signal } = invocation;
    if (invocation.socket === undefined && invocation.domain === undefined) {
      printLine(
        json
          ? printableJson(METHOD_DESCRIPTIONS.map(({ name, summary }) => ({ name, summary })), 2)
          : table(["METHOD", ""], METHOD_DESCRIPTIONS.map(({ name, summary }) => [name, summary])),
      );
      return EXIT.ok;
    }
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const document = await wholeDocument(client, signal);
    const rows = document.methods.map(({ name, summary }) => [
      name,
      typeof summary === "string" ? summary : "",
    ]);
    printLine(json ? printableJson(document, 2) : table(["METHOD", ""], rows));
    return EXIT.ok;
  },
);

/** The document, which may not fit one message. */
async function wholeDocument(
  client: AgentClient,
  signal: AbortSignal,
): Promise<ResultOf<"rpc.discover">> {
  const { "x-next": first, ...document } = await client.call("rpc.discover", {}, { signal });
  for (let from = first; from !== undefined;) {
    const page = await client.call("rpc.discover", { from }, { signal });
    // An agent that never gets on must not keep this program busy.
    if (page.methods.length === 0) break;
    document.methods.push(...page.methods);
    from = page["x-next"];
  }
  return document;
}
