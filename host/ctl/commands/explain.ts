import { argument, object, optional, string } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import { METHOD_DESCRIPTIONS } from "../../protocol.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** `explain`: what a guest's configuration says about a request. */
export const explain = defineCommand(
  {
    name: "explain",
    brief: "Says whether a guest would allow a request, and which rule decides.",
    details: ["Nothing is done. Exit status: 0 allowed, 1 refused."],
    examples: [
      `explain --domain vm1 file_read '{"path": "/etc/shadow"}'`,
      `explain --domain vm1 exec_command '{"command": "id"}'`,
    ],
  },
  object({
    method: argument(words("METHOD", METHOD_DESCRIPTIONS.map(({ name }) => name))),
    params: optional(argument(string({ metavar: "JSON" }), {
      description: lines(["the parameters as a JSON object"]),
    })),
  }),
  async ({ method, params = "{}" }, invocation) => {
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const answer = await client.call("policy_explain", { method, params: parse(params) }, {
      signal,
    });
    if (json) printLine(printableJson(answer, 2));
    else {
      const why = answer.reason === undefined ? "" : `: ${answer.reason} (${answer.code})`;
      printLine(printable(`${answer.decision}${why}`));
      for (const { key, entry, parameter } of answer.rules) {
        const about = parameter === undefined ? "" : ` for ${parameter}`;
        printLine(printable(`  allowed by ${key}${about}: ${entry}`));
      }
    }
    return answer.decision === "allowed" ? EXIT.ok : EXIT.errorAnswer;
  },
);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`the parameters must be JSON, received ${text}`);
  }
}
