import { argument, object, optional } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import { defineCommand, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, printableJson } from "../printable.ts";
import { readStdin } from "../stdin.ts";
import { connectTarget } from "../target.ts";
import { runOperation } from "./_operation_job.ts";

const ACTIONS = ["status", "apply"] as const;
/** More than the guest takes, so that the guest's error is the one that is seen. */
const MAX_STDIN_BYTES = 512 * 1024;
/** cloud-init checks the document first, which takes seconds. */
const START_MS = 180_000;

/** `cloud-init`: how far cloud-init is in a guest, and documents for it to apply. */
export const cloudInit = defineCommand(
  {
    name: "cloud-init",
    brief: "Shows how far cloud-init is in a VM, or has it apply a #cloud-config file.",
    details: [
      "ACTION is status or apply; FILE - is standard input. The output of cloud-init is passed on,",
      "and the exit status of apply is its own. Ctrl-C ends only this command: the work goes on as",
      "a job.",
    ],
    examples: ["cloud-init status --domain vm1", "cloud-init apply web.yaml --domain vm1"],
  },
  object({
    action: argument(words("ACTION", ACTIONS)),
    file: optional(argument(words("FILE"))),
  }),
  async ({ action: word, file }, invocation) => {
    const action = ACTIONS.find((known) => known === word);
    if (action === undefined) {
      throw new UsageError(`ACTION must be ${ACTIONS.join(", ")}, received "${word}"`);
    }
    const { signal, json } = invocation;
    if (action === "apply") {
      if (file === undefined) throw new UsageError("cloud-init apply needs a FILE");
      const content = file === "-"
        ? new TextDecoder().decode(await readStdin(signal, MAX_STDIN_BYTES))
        : await Deno.readTextFile(file);
      return await runOperation("cloud-init apply", invocation, async (link, job_id) => {
        await link.call("cloud_init_apply", { job_id, content }, { signal, timeoutMs: START_MS });
      });
    }
    if (file !== undefined) throw new UsageError("cloud-init status takes no FILE");
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const result = await client.call("cloud_init_status", undefined, { signal });
    if (json) printLine(printableJson(result, 2));
    else {
      const { state, stage, data_source, errors } = result;
      printLine(printable([state, stage, data_source].filter((part) => part).join(", ")));
      for (const error of errors) printLine(printable(error));
    }
    return EXIT.ok;
  },
);
