import { argument, object, option } from "@optique/core";
import { basename, join } from "@std/path/posix";
import { printLine } from "../../../lib/base/terminal.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** `mv`: renames a file or directory. */
export const mv = defineCommand(
  {
    name: "mv",
    brief: "Renames a file or directory in the guest.",
    details: [
      "Both paths must be on one file system: nothing is copied. Unlike mv(1) it replaces an",
      "existing file only with --force.",
    ],
    examples: [
      "mv --domain vm1 /tmp/kvmmanager/site.new /tmp/kvmmanager/site",
      "mv --domain vm1 -f /tmp/kvmmanager/dump /tmp/kvmmanager/old/",
    ],
  },
  object({
    from: argument(words("PATH"), { description: lines(["the file or directory"]) }),
    to: argument(words("PATH"), {
      description: lines(["its new path; a directory to put it in if it ends with a slash"]),
    }),
    force: option("-f", "--force", { description: lines(["replaces an existing file"]) }),
  }),
  async ({ from, to, force }, invocation) => {
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const { path } = await client.call("file_rename", {
      path: from,
      to: to.endsWith("/") ? join(to, basename(from)) : to,
      replace: force,
    }, { signal: invocation.signal });
    if (invocation.json) printLine(printableJson({ path }, 2));
    return EXIT.ok;
  },
);
