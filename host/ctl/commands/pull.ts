import { argument, object, option, optional } from "@optique/core";
import { basename, join } from "@std/path/posix";
import { UsageError } from "../../../lib/base/command_line.ts";
import { writeBytes } from "../../../lib/base/terminal.ts";
import { pull as pullFile } from "../../transfer/pull.ts";
import { pullStream } from "../../transfer/pull_stream.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { ProgressBar } from "../progress.ts";
import { connectTarget } from "../target.ts";
import { report } from "./_transfer.ts";

const STANDARD_OUTPUT = "-";

/** `pull`: copies a file from the guest to the host, or to standard output. */
export const pull = defineCommand(
  {
    name: "pull",
    brief: "Copies a file from the guest.",
    details: [
      "The file gets its name when it is complete and its SHA-256 is verified. A broken attempt",
      "leaves .FILE.kvmmanager-part, and the same command resumes it. With - the file is written to",
      "standard output while it arrives: do not use it unless the exit status is 0.",
    ],
    examples: [
      "pull --domain vm1 /var/log/syslog",
      "pull --domain vm1 /tmp/dump /srv/dumps/",
      "pull --domain vm1 /var/log/syslog - | grep oom",
    ],
  },
  object({
    remote: argument(words("PATH"), {
      description: lines(["the absolute path of the file in the guest"]),
    }),
    local: optional(argument(words("FILE"), {
      description: lines([
        "a file or directory on the host, or - for standard output (default: .)",
      ]),
    })),
    quiet: option("-q", "--quiet", { description: lines(["prints neither progress nor result"]) }),
  }),
  async ({ remote, local, quiet }, invocation) => {
    const { json, signal } = invocation;
    const isStream = local === STANDARD_OUTPUT;
    const path = isStream ? STANDARD_OUTPUT : await destination(remote, local);
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const start = performance.now();
    const bar = new ProgressBar(basename(remote), { isQuiet: quiet || json || isStream });
    using _bar = bar;
    const options = { signal, onProgress: bar.update };
    if (isStream) {
      await pullStream(client, remote, (bytes) => writeBytes(Deno.stdout, bytes), options);
      return EXIT.ok;
    }
    const pulled = await pullFile(client, remote, path, options);
    bar[Symbol.dispose]();
    report(pulled, start, { json, isQuiet: quiet });
    return EXIT.ok;
  },
);

async function destination(remote: string, local = "."): Promise<string> {
  const name = basename(remote);
  if (name === "" || name === "." || name === ".." || remote.endsWith("/")) {
    throw new UsageError(`${remote} is a directory, not a file`);
  }
  const isDirectory = local.endsWith("/") || await isDirectoryHere(local);
  return isDirectory ? join(local, name) : local;
}

async function isDirectoryHere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
