import { argument, object, option, optional, string } from "@optique/core";
import { basename, dirname, join } from "@std/path/posix";
import { UsageError } from "../../../lib/base/command_line.ts";
import { ERRORS } from "../../../lib/base/errors.ts";
import { AnswerError } from "../../errors.ts";
import { push as pushFile } from "../../transfer/push.ts";
import { pushStream } from "../../transfer/push_stream.ts";
import { TransferError } from "../../transfer/transfer.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { ProgressBar } from "../progress.ts";
import { connectTarget } from "../target.ts";
import { report } from "./_transfer.ts";

const STANDARD_INPUT = "-";

/** `push`: copies a file, or standard input, to the guest. */
export const push = defineCommand(
  {
    name: "push",
    brief: "Copies a file to the guest.",
    details: [
      "The file gets its name when it is complete and the guest has verified its SHA-256. A broken",
      "attempt leaves .FILE.kvmmanager-part in the guest, and the same command resumes it; standard",
      "input (-) always starts over.",
    ],
    examples: [
      "push --domain vm1 site.conf /tmp/kvmmanager/",
      "push --domain vm1 --mode 0755 --create-dirs tool /tmp/kvmmanager/bin/tool",
      "push --domain vm1 - /tmp/kvmmanager/dump.sql < dump.sql",
    ],
  },
  object({
    local: argument(words("FILE"), {
      description: lines(["the file on the host, or - for standard input"]),
    }),
    remote: argument(words("PATH"), {
      description: lines(["the absolute path in the guest; a directory if it ends with a slash"]),
    }),
    mode: optional(option("--mode", string({ metavar: "OCTAL" }), {
      description: lines(["the permissions, such as 0644 (default: the file's own; 0644 for -)"]),
    })),
    createDirs: option("-p", "--create-dirs", {
      description: lines(["creates missing directories in the guest"]),
    }),
    quiet: option("-q", "--quiet", { description: lines(["prints neither progress nor result"]) }),
  }),
  async ({ local, remote, mode, createDirs, quiet }, invocation) => {
    const { json, signal } = invocation;
    if (mode !== undefined && !/^0?[0-7]{3}$/.test(mode)) {
      throw new UsageError(
        `--mode must be three or four octal digits up to 0777, received "${mode}"`,
      );
    }
    if (local === STANDARD_INPUT && remote.endsWith("/")) {
      throw new UsageError(`${remote} is a directory; standard input needs the name of a file`);
    }
    const path = remote.endsWith("/") ? join(remote, basename(local)) : remote;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const start = performance.now();
    const bar = new ProgressBar(basename(path), { isQuiet: quiet || json });
    using _bar = bar;
    const options = { signal, onProgress: bar.update, permissions: mode, createDirs };
    const pushing = local === STANDARD_INPUT
      ? pushStream(client, Deno.stdin.readable, path, options)
      : pushFile(client, local, path, options);
    const pushed = await pushing.catch((error) => {
      throw withDirectoryAdvice(error, path, createDirs);
    });
    bar[Symbol.dispose]();
    report(pushed, start, { json, isQuiet: quiet });
    return EXIT.ok;
  },
);

/** For a write, only a directory can be missing. */
function withDirectoryAdvice(error: unknown, path: string, createDirs: boolean): unknown {
  const isMissing = error instanceof AnswerError && error.code === ERRORS.notFound.code;
  if (!isMissing || createDirs) return error;
  return new TransferError(
    `the directory ${dirname(path)} does not exist in the guest; --create-dirs creates it`,
  );
}
