import { object } from "@optique/core";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** Hooks of the guest have half a minute each. */
const TIMEOUT_MS = 300_000;

/** What to say if the freeze was over before this request, by what ended it. */
const EARLY = {
  ttl: "the file systems had already been thawed, since their time was over",
  agent_gone: "the file systems had already been thawed, since the agent had ended",
  stopped: "the file systems had already been thawed, since the broker was stopped",
} as const;

/** `thaw`: ends a freeze. */
export const thaw = defineCommand(
  {
    name: "thaw",
    brief: "Thaws a VM's file systems.",
    details: ["Exit status: 1 if they were not frozen until now."],
    examples: ["thaw --domain vm1"],
  },
  object({}),
  async (_values, invocation) => {
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const options = { signal: invocation.signal, timeoutMs: TIMEOUT_MS };
    const { thawed, problems, ended_by } = await client.call("fs_thaw", {}, options);
    if (invocation.json) printLine(printableJson({ thawed, problems, ended_by }));
    else {
      for (const path of thawed) printLine(`thawed ${printable(path)}`);
      for (const problem of problems) printError(`kvmmanager-ctl: ${printable(problem)}`);
      if (ended_by === null) printError("kvmmanager-ctl: nothing was frozen");
      else if (ended_by !== "request") printError(`kvmmanager-ctl: ${EARLY[ended_by]}`);
    }
    return ended_by === "request" && problems.length === 0 ? EXIT.ok : EXIT.errorAnswer;
  },
);
