import { argument, object, option, optional, string } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import type { ParamsOf } from "../../protocol.ts";
import { TransferError } from "../../transfer/transfer.ts";
import { defineCommand, lines, wholeNumber } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

const SIGNALS = [
  "SIGTERM",
  "SIGKILL",
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGCONT",
  "SIGSTOP",
] as const satisfies readonly ParamsOf<"process_signal">["signal"][];

const short = (signal: string) => signal.slice("SIG".length);

/** `kill`: signals a process. */
export const kill = defineCommand(
  {
    name: "kill",
    brief: "Sends a signal to a process of the guest.",
    details: [
      "It looks the process up first and signals exactly that one, even if its number is used again",
      "meanwhile. A process of another user than the agent's needs the group accounts, and its owner in",
      "security.managed_users of the guest's configuration.",
    ],
    examples: ["kill --domain vm1 4242", "kill --domain vm1 --signal KILL 4242"],
  },
  object({
    pid: argument(wholeNumber(1, 4_194_304), { description: lines(["the process id"]) }),
    signal: optional(option("--signal", string({ metavar: "NAME" }), {
      description: lines([`TERM (default), ${SIGNALS.slice(1).map(short).join(", ")}`]),
    })),
  }),
  async ({ pid, signal: name = "TERM" }, invocation) => {
    const signal = SIGNALS.find((one) => one === name || short(one) === name.toUpperCase());
    if (signal === undefined) {
      const known = SIGNALS.map(short).join(", ");
      throw new UsageError(`--signal must be one of ${known}, received "${name}"`);
    }
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const options = { signal: invocation.signal };
    const { processes } = await client.call("process_list", { pid }, options);
    const [found] = processes;
    if (found === undefined) throw new TransferError(`there is no process ${pid} in the guest`);
    const { start_ticks } = found;
    const sent = await client.call("process_signal", { pid, start_ticks, signal }, options);
    if (invocation.json) printLine(printableJson({ ...sent, name: found.name }, 2));
    return EXIT.ok;
  },
);
