import { argument, object, option, optional, string } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import { TransferError } from "../../transfer/transfer.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** `mkdir`: creates a directory. */
export const mkdir = defineCommand(
  {
    name: "mkdir",
    brief: "Creates a directory in the guest.",
    examples: [
      "mkdir --domain vm1 /tmp/kvmmanager/reports",
      "mkdir --domain vm1 -p --mode 0750 /tmp/kvmmanager/a/b",
    ],
  },
  object({
    path: argument(words("PATH"), { description: lines(["the absolute path in the guest"]) }),
    parents: option("-p", "--parents", {
      description: lines(["creates missing directories above it, and accepts an existing one"]),
    }),
    mode: optional(option("--mode", string({ metavar: "OCTAL" }), {
      description: lines(["its permissions (default 0755)"]),
    })),
  }),
  async ({ path, parents, mode }, invocation) => {
    if (mode !== undefined && !/^0?[0-7]{3}$/.test(mode)) {
      throw new UsageError(
        `--mode must be three or four octal digits up to 0777, received "${mode}"`,
      );
    }
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const params = { path, create_dirs: parents, permissions: mode };
    const made = await client.call("directory_create", params, { signal });
    if (json) printLine(printableJson(made, 2));
    if (!made.created && !parents) throw new TransferError(`${made.path} exists already`);
    return EXIT.ok;
  },
);
