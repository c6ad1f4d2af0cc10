import { command, message, object, option, optional, string, text } from "@optique/core";
import { basename, dirname, join } from "@std/path/posix";
import { UsageError } from "../../../lib/base/command_line.ts";
import { ERRORS } from "../../../lib/base/errors.ts";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import { AnswerError } from "../../errors.ts";
import { AgentLink } from "../../jobs/link.ts";
import type { ResultOf } from "../../protocol.ts";
import { sleep } from "../../sleep.ts";
import { push } from "../../transfer/push.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, printableJson } from "../printable.ts";
import { ProgressBar } from "../progress.ts";
import { connectTarget } from "../target.ts";
import { newJobId } from "./_job.ts";

type Status = ResultOf<"agent_update_status">;

/** Two minutes of waiting for an agent to come up, and time for the packages themselves. */
const OUTCOME_MS = 600_000;
/** How long the guest may be without an agent: the new one has a minute, and so has the old one. */
const PATIENCE_MS = 240_000;
/** For one request: a process of root's answers it, which takes long in a guest that installs. */
const REQUEST_MS = 60_000;
/** For a question about the update, which is lost if the agent ends meanwhile. */
const QUESTION_MS = 30_000;
const POLL_MS = { least: 1000, most: 10_000 } as const;

const BRIEF = "Replaces the agent of a guest by a signed package.";
const EXAMPLE = "agent update --domain vm1 --package kvmmanager-agent_1.1.0_amd64.deb";

const update = defineCommand(
  {
    group: "agent",
    name: "update",
    brief: BRIEF,
    details: [
      "The guest verifies the signature with security.update_key of its configuration, and puts the",
      "old agent back unless the new one is up within a minute. SHA256SUMS and SHA256SUMS.sig of the",
      "release have to be beside FILE.",
    ],
    examples: [EXAMPLE],
  },
  object({
    file: option("--package", words("FILE"), {
      description: lines(["a deb, an rpm or a tarball of a release"]),
    }),
    directory: optional(option("--directory", string({ metavar: "PATH" }), {
      description: lines(["where to put it in the guest (default: /tmp/kvmmanager)"]),
    })),
    downgrade: option("--downgrade", {
      description: lines(["installs also an older version than the guest has"]),
    }),
  }),
  async ({ file, directory = "/tmp/kvmmanager", downgrade }, invocation) => {
    const { json, signal } = invocation;
    const { sums, signature, sha256 } = await readRelease(file);
    const path = join(directory, basename(file));
    const { client } = await connectTarget(invocation);
    const link = new AgentLink(client, {
      connect: async () => (await connectTarget(invocation)).client,
      patienceMs: PATIENCE_MS,
    });
    await using _link = link;
    const bar = new ProgressBar(basename(path), { isQuiet: json });
    {
      using _bar = bar;
      await push(client, file, path, { signal, onProgress: bar.update, createDirs: true });
    }
    const options = { signal, timeoutMs: REQUEST_MS };
    const before = await link.call("agent_update_status", {}, options);
    await link.call("agent_update", {
      job_id: newJobId(),
      path,
      sums,
      signature: signature.toBase64(),
      downgrade,
    }, options);
    return report(await outcomeOf(link, before, signal), sha256, json);
  },
);

/**
 * What proves that the package is of a release.
 *
 * @throws {UsageError} if it is no file, or the release's sums are not beside it.
 */
async function readRelease(file: string) {
  const directory = dirname(file);
  const missing = (path: string) => (error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(
      `there is no ${path}: --package needs a package with SHA256SUMS and SHA256SUMS.sig of its ` +
        "release beside it",
    );
  };
  const { isFile } = await Deno.stat(file).catch(missing(file));
  if (!isFile) throw new UsageError(`--package ${file} is not a file`);
  const sumsPath = join(directory, "SHA256SUMS");
  const signaturePath = `${sumsPath}.sig`;
  const sums = await Deno.readTextFile(sumsPath).catch(missing(sumsPath));
  const signature = await Deno.readFile(signaturePath).catch(missing(signaturePath));
  const sha256 = sums.split("\n").find((line) => line.endsWith(` ${basename(file)}`))?.slice(0, 64);
  if (sha256 === undefined) throw new UsageError(`${sumsPath} does not list ${basename(file)}`);
  return { sums, signature, sha256 };
}

/** What has become of the update, as soon as that is known. */
async function outcomeOf(link: AgentLink, before: Status, signal: AbortSignal): Promise<Status> {
  // The outcome of an earlier update is not that of this one.
  const earlier = before.state === "running" ? undefined : before.started_at;
  const deadline = performance.now() + OUTCOME_MS;
  for (;;) {
    const askedAt = performance.now();
    const status = await statusOf(link, signal) ?? { state: "running" };
    const isKnown = status.state !== "none" && status.state !== "running" &&
      status.started_at !== earlier;
    const now = performance.now();
    if (isKnown || now > deadline) return status;
    await sleep(pauseAfter(now - askedAt), signal);
  }
}

/**
 * How long to wait before asking again, in milliseconds: where asking is slow, the guest has other
 * things to do. It is slow too where there was no agent to answer, for minutes.
 */
export function pauseAfter(tookMs: number): number {
  return Math.min(Math.max(POLL_MS.least, tookMs), POLL_MS.most);
}

/** `undefined` while what answers is being replaced itself. */
async function statusOf(link: AgentLink, signal: AbortSignal): Promise<Status | undefined> {
  try {
    return await link.call("agent_update_status", {}, { signal, timeoutMs: QUESTION_MS });
  } catch (error) {
    if (error instanceof AnswerError && error.code === ERRORS.commandFailed.code) return undefined;
    throw error;
  }
}

function report(status: Status, sha256: string, json: boolean): number {
  const { state, from_version = "?", to_version = "?", reason = "" } = status;
  if (json) printLine(printableJson(status, 2));
  else if (status.sha256 !== undefined && status.sha256 !== sha256) {
    printError("kvmmanager-ctl: another update was running in the guest; try again");
  } else if (state === "installed") {
    printLine(printable(`the agent is ${to_version} now; it was ${from_version}`));
  } else if (state === "restored") {
    printError(printable(`kvmmanager-ctl: ${reason}; the guest has put ${from_version} back`));
  } else if (state === "failed") {
    printError(printable(`kvmmanager-ctl: ${reason}, and the old agent did not come up either`));
  } else if (state === "refused") {
    printError(printable(`kvmmanager-ctl: ${reason}; nothing was changed in the guest`));
  } else {
    printError("kvmmanager-ctl: the guest has not finished; see: call agent_update_status");
  }
  return state === "installed" && status.sha256 === sha256 ? EXIT.ok : EXIT.errorAnswer;
}

/** `agent`: the agent itself. */
export const agent = command("agent", update, {
  brief: message`${text(BRIEF)}`,
  description: message`${text(`${BRIEF} See kvmmanager-ctl agent update --help.`)}`,
  footer: lines(["Examples:", `  kvmmanager-ctl ${EXAMPLE}`]),
});
