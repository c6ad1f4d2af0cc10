import { argument, object, option, optional } from "@optique/core";
import { basename, join } from "@std/path/posix";
import { UsageError } from "../../../lib/base/command_line.ts";
import { pull as pullFile } from "../../transfer/pull.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { ProgressBar } from "../progress.ts";
import { connectTarget } from "../target.ts";
import { report } from "./_transfer.ts";

/** `pull`: a file of the guest to the host. */
export const pull = defineCommand(
  {
    name: "pull",
    brief: "Copies a file from the guest.",
    details: [
      "It is verified by SHA-256 and gets its name when it is whole. An attempt that breaks off",
      "leaves .FILE.kvmmanager-part; the same command takes it up again.",
    ],
    examples: ["pull --domain vm1 /var/log/syslog", "pull --domain vm1 /tmp/dump /srv/dumps/"],
  },
  object({
    remote: argument(words("PATH"), { description: lines(["the file in the guest, absolute"]) }),
    local: optional(argument(words("FILE"), {
      description: lines(["where to; a directory, or here under its own name, if not given"]),
    })),
    quiet: option("-q", "--quiet", { description: lines(["prints neither bar nor result"]) }),
  }),
  async ({ remote, local, quiet }, invocation) => {
    const { json, signal } = invocation;
    const path = await destination(remote, local);
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const start = performance.now();
    const bar = new ProgressBar(basename(remote), { isQuiet: quiet || json });
    using _bar = bar;
    const pulled = await pullFile(client, remote, path, { signal, onProgress: bar.update });
    bar[Symbol.dispose]();
    report(pulled, start, { json, isQuiet: quiet });
    return EXIT.ok;
  },
);

async function destination(remote: string, local = "."): Promise<string> {
  const name = basename(remote);
  if (name === "" || name === "." || name === ".." || remote.endsWith("/")) {
    throw new UsageError(`${remote} names a directory, not a file`);
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
