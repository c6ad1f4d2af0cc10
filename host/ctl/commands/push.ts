import { argument, object, option, optional, string } from "@optique/core";
import { basename, join } from "@std/path/posix";
import { UsageError } from "../../../lib/base/command_line.ts";
import { push as pushFile } from "../../transfer/push.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { ProgressBar } from "../progress.ts";
import { connectTarget } from "../target.ts";
import { report } from "./_transfer.ts";

/** `push`: a file of the host to the guest. */
export const push = defineCommand(
  {
    name: "push",
    brief: "Copies a file to the guest.",
    details: [
      "The guest verifies its SHA-256 and gives it its name when it is whole. An attempt that",
      "breaks off leaves .FILE.kvmmanager-part in the guest; the same command takes it up again.",
    ],
    examples: [
      "push --domain vm1 site.conf /tmp/kvmmanager/",
      "push --domain vm1 --mode 0755 --create-dirs tool /tmp/kvmmanager/bin/tool",
    ],
  },
  object({
    local: argument(words("FILE"), { description: lines(["the file of the host"]) }),
    remote: argument(words("PATH"), {
      description: lines(["where to in the guest, absolute; with a slash at its end a directory"]),
    }),
    mode: optional(option("--mode", string({ metavar: "OCTAL" }), {
      description: lines(["its permissions, as 0644 (default: the file's own)"]),
    })),
    createDirs: option("-p", "--create-dirs", {
      description: lines(["makes missing directories in the guest"]),
    }),
    quiet: option("-q", "--quiet", { description: lines(["prints neither bar nor result"]) }),
  }),
  async ({ local, remote, mode, createDirs, quiet }, invocation) => {
    const { json, signal } = invocation;
    if (mode !== undefined && !/^0?[0-7]{3}$/.test(mode)) {
      throw new UsageError(
        `--mode must be three or four octal digits up to 0777, received ${mode}`,
      );
    }
    const path = remote.endsWith("/") ? join(remote, basename(local)) : remote;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const start = performance.now();
    const bar = new ProgressBar(basename(local), { isQuiet: quiet || json });
    using _bar = bar;
    const pushed = await pushFile(client, local, path, {
      signal,
      onProgress: bar.update,
      permissions: mode,
      createDirs,
    });
    bar[Symbol.dispose]();
    report(pushed, start, { json, isQuiet: quiet });
    return EXIT.ok;
  },
);
