import {
  argument,
  choice,
  command,
  message,
  multiple,
  object,
  option,
  optional,
  or,
  string,
  text,
} from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import { RemoteJob } from "../../jobs/job.ts";
import type { AgentLink } from "../../jobs/link.ts";
import type { ResultOf } from "../../protocol.ts";
import { defineCommand, type Invocation, lines, seconds, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { bytesText, table } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";
import { exitStatusOf, linkOf, newJobId, parseVariables } from "./_job.ts";
import { readPages } from "./_pages.ts";
import { writeOutput } from "./_stream.ts";

type Status = ResultOf<"job_status">;

const SIGNALS = [
  "HUP",
  "INT",
  "QUIT",
  "KILL",
  "USR1",
  "USR2",
  "ALRM",
  "TERM",
  "CONT",
  "STOP",
  "TSTP",
  "WINCH",
] as const;

const id = argument(words("NAME"), { description: lines(["the id of the job"]) });

/** Calls `run` with a link to the VM. */
async function linked(
  invocation: Invocation,
  run: (link: AgentLink) => Promise<number>,
): Promise<number> {
  const { client } = await connectTarget(invocation);
  const link = linkOf(client, invocation);
  await using _link = link;
  return await run(link);
}

const start = defineCommand(
  {
    group: "job",
    name: "start",
    brief: "Starts a program that goes on without this command, and prints its id.",
    details: [
      "The same command with the same --id starts nothing twice. The program's input is empty. It is",
      "killed after --timeout, which is a day unless the guest's configuration says otherwise.",
    ],
    examples: ["job start --domain vm1 --id backup -- tar -cf /srv/b.tar /srv/www"],
  },
  object({
    id: optional(option("--id", words("NAME"), {
      description: lines(["letters, digits, '.', '_' and '-' (default: a new one)"]),
    })),
    timeout: optional(option("--timeout", seconds(1, 31_536_000), {
      description: lines(["kills the program after this time"]),
    })),
    keep: optional(option("--keep", seconds(0, 31_536_000), {
      description: lines(["keeps the output for this time after the end"]),
    })),
    cwd: optional(option("--cwd", words("DIRECTORY"), {
      description: lines(["the working directory in the guest (default /)"]),
    })),
    env: multiple(option("-e", "--env", string({ metavar: "K=V" }), {
      description: lines(["a variable of its environment; repeatable"]),
    })),
    words: multiple(
      argument(string({ metavar: "CMD" }), {
        description: lines(["the program, then its arguments"]),
      }),
      {
        min: 1,
        errors: { tooFew: message`the program to run is missing` },
      },
    ),
  }),
  async ({ id, timeout, keep, cwd, env, words: [program = "", ...args] }, invocation) => {
    const params = {
      job_id: id ?? newJobId(),
      command: program,
      args,
      working_directory: cwd,
      env: parseVariables(env),
      timeout_seconds: timeout === undefined ? undefined : Math.ceil(timeout),
      keep_seconds: keep === undefined ? undefined : Math.ceil(keep),
    };
    return await linked(invocation, async (link) => {
      const started = await link.call("job_start", params, { signal: invocation.signal });
      printLine(invocation.json ? printableJson(started, 2) : printable(started.job_id));
      return EXIT.ok;
    });
  },
);

const list = defineCommand(
  {
    group: "job",
    name: "list",
    brief: "Lists the jobs of the guest, running or ended.",
    examples: ["job list --domain vm1"],
  },
  object({}),
  async (_values, invocation) =>
    await linked(invocation, async (link) => {
      const jobs = await readPages(async (after) => {
        const page = await link.call("job_list", { after }, { signal: invocation.signal });
        return { entries: page.jobs, next: page.next };
      });
      if (invocation.json) printLine(printableJson({ jobs }, 2));
      else if (jobs.length > 0) printLine(table(HEADING, jobs.map(cells)));
      return EXIT.ok;
    }),
);

const HEADING = ["ID", "STATE", "STARTED", "OUTPUT", "COMMAND"] as const;

const stateText = ({ state, exit_code, ended_by }: Status) =>
  exit_code === undefined
    ? state
    : ended_by === "timeout"
    ? "timed out"
    : `${state} (${exit_code})`;

const cells = (job: Status) => [
  job.job_id,
  stateText(job),
  job.started_at.slice(0, 19).replace("T", " "),
  bytesText(job.output_bytes),
  job.command,
];

function printStatus(status: Status, { json }: Invocation): void {
  if (json) printLine(printableJson(status, 2));
  else printLine(table(HEADING, [cells(status)]));
}

const status = defineCommand(
  {
    group: "job",
    name: "status",
    brief: "Prints the state of a job.",
    examples: ["job status --domain vm1 backup"],
  },
  object({ id }),
  async ({ id }, invocation) =>
    await linked(invocation, async (link) => {
      const params = { job_id: id };
      printStatus(await link.call("job_status", params, { signal: invocation.signal }), invocation);
      return EXIT.ok;
    }),
);

const logs = defineCommand(
  {
    group: "job",
    name: "logs",
    brief: "Prints the output of a job.",
    details: [
      "What the program printed on standard error goes to standard error. With -f the command waits",
      "for more until the job ends, and then exits with its status. Ctrl-C ends only this command.",
    ],
    examples: ["job logs --domain vm1 backup", "job logs --domain vm1 -f backup"],
  },
  object({
    id,
    follow: option("-f", "--follow", { description: lines(["waits for more until the job ends"]) }),
  }),
  async ({ id, follow }, invocation) =>
    await linked(invocation, async (link) => {
      const { signal } = invocation;
      const streamed = await writeOutput(new RemoteJob(link, id), { follow, signal });
      return follow && streamed !== undefined ? exitStatusOf(streamed.end, `job ${id}`) : EXIT.ok;
    }),
);

const wait = defineCommand(
  {
    group: "job",
    name: "wait",
    brief: "Waits for the end of a job, and exits with its status.",
    examples: ["job wait --domain vm1 backup"],
  },
  object({ id }),
  async ({ id }, invocation) =>
    await linked(invocation, async (link) => {
      const ended = await new RemoteJob(link, id).end(invocation.signal);
      if (invocation.json) printStatus(ended, invocation);
      return exitStatusOf(ended, ended.command, ended.timeout_seconds);
    }),
);

const signal = defineCommand(
  {
    group: "job",
    name: "signal",
    brief: "Sends a signal to the process group of a job.",
    examples: ["job signal --domain vm1 backup TERM"],
  },
  object({
    id,
    name: argument(choice(SIGNALS, { metavar: "SIGNAL" }), {
      description: lines([`one of ${SIGNALS.join(", ")}`]),
    }),
  }),
  async ({ id, name }, invocation) =>
    await linked(invocation, async (link) => {
      const params = { job_id: id, signal: `SIG${name}` } as const;
      await link.call("job_signal", params, { signal: invocation.signal });
      return EXIT.ok;
    }),
);

const forget = defineCommand(
  {
    group: "job",
    name: "forget",
    brief: "Removes a job that has ended, and its output.",
    examples: ["job forget --domain vm1 backup"],
  },
  object({ id }),
  async ({ id }, invocation) =>
    await linked(invocation, async (link) => {
      await link.call("job_forget", { job_id: id }, { signal: invocation.signal });
      return EXIT.ok;
    }),
);

const BRIEF = "Starts programs that go on in the guest, and reads their output later.";

/** `job`: programs in the background. */
export const job = command("job", or(start, list, status, logs, wait, signal, forget), {
  brief: message`${text(BRIEF)}`,
  description: message`${
    text(`${BRIEF} See kvmmanager-ctl job COMMAND --help for each of the commands.`)
  }`,
  footer: lines([
    "Examples:",
    "  kvmmanager-ctl job start --domain vm1 --id backup -- tar -cf /srv/b.tar /srv/www",
    "  kvmmanager-ctl job logs --domain vm1 -f backup",
    "  kvmmanager-ctl job forget --domain vm1 backup",
  ]),
});
