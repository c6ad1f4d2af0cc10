import { argument, multiple, object, option } from "@optique/core";
import * as z from "zod";
import { ERRORS } from "../../../lib/base/errors.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import type { AgentClient } from "../../client.ts";
import { AnswerError } from "../../errors.ts";
import { defineCommand, lines, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

const OfDirectory = z.looseObject({ is_directory: z.literal(true) });

/** `rm`: removes files, and directories if told. */
export const rm = defineCommand(
  {
    name: "rm",
    brief: "Removes files in the guest.",
    details: ["A symbolic link is removed itself. The first failure ends the command."],
    examples: ["rm --domain vm1 /tmp/kvmmanager/dump", "rm --domain vm1 -r /tmp/kvmmanager/build"],
  },
  object({
    paths: multiple(argument(words("PATH")), { min: 1 }),
    recursive: option("-r", "--recursive", {
      description: lines(["removes directories and everything in them"]),
    }),
    force: option("-f", "--force", { description: lines(["ignores what does not exist"]) }),
  }),
  async ({ paths, recursive, force }, invocation) => {
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    const removed: string[] = [];
    for (const path of paths) {
      try {
        removed.push(await remove(client, path, recursive, signal));
      } catch (error) {
        if (!(force && error instanceof AnswerError && error.code === ERRORS.notFound.code)) {
          throw error;
        }
      }
    }
    if (json) printLine(printableJson({ removed }, 2));
    return EXIT.ok;
  },
);

async function remove(
  client: AgentClient,
  path: string,
  recursive: boolean,
  signal: AbortSignal,
): Promise<string> {
  const options = { signal, cancelInGuest: true };
  const removeDirectory = async () =>
    (await client.call("directory_remove", { path, recursive }, options)).path;
  if (recursive && path.endsWith("/")) return await removeDirectory();
  try {
    return (await client.call("file_remove", { path }, options)).path;
  } catch (error) {
    const isDirectory = error instanceof AnswerError && OfDirectory.safeParse(error.data).success;
    if (recursive && isDirectory) return await removeDirectory();
    throw error;
  }
}
