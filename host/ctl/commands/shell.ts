import { argument, multiple, object, option, optional, string } from "@optique/core";
import { AnswerError } from "../../errors.ts";
import { ERRORS } from "../../../lib/base/errors.ts";
import { defineCommand, lines, words } from "../command.ts";
import { connectTarget } from "../target.ts";
import { parseVariables } from "./_job.ts";
import { runInTerminal, startFailure } from "./_run.ts";
import { requireTerminal } from "./_terminal.ts";

/** What is tried if no program is named. */
const SHELLS = [["bash", "-l"], ["sh", "-l"]] as const;

/** `shell`: a terminal in the guest. */
export const shell = defineCommand(
  {
    name: "shell",
    brief: "Opens a shell, or another program, in a terminal of the guest.",
    details: [
      "Keys, the size of the terminal and colours are passed on. ~. at the beginning of a line leaves",
      "and ends the shell; ~~ is one ~. If the connection is lost, the shell in the guest goes on,",
      "and this command reaches it again. Exit status: that of exec.",
    ],
    examples: ["shell --domain vm1", "shell --domain vm1 -- htop"],
  },
  object({
    cwd: optional(option("--cwd", words("DIRECTORY"), {
      description: lines(["the working directory in the guest (default /)"]),
    })),
    env: multiple(option("-e", "--env", string({ metavar: "K=V" }), {
      description: lines(["a variable of its environment, such as TERM=xterm; repeatable"]),
    })),
    words: multiple(argument(string({ metavar: "CMD" }), {
      description: lines(["the program, then its arguments; default: a shell"]),
    })),
  }),
  async ({ cwd, env, words: [program, ...args] }, invocation) => {
    requireTerminal();
    const variables = parseVariables(env);
    const candidates = program === undefined ? SHELLS : [[program, ...args]];
    try {
      const { client } = await connectTarget(invocation);
      await using _client = client;
      for (const [index, [command = "", ...rest]] of candidates.entries()) {
        try {
          const params = { command, args: rest, working_directory: cwd, env: variables };
          return await runInTerminal(client, params, invocation);
        } catch (error) {
          const isMissing = error instanceof AnswerError && error.code === ERRORS.notFound.code;
          if (!isMissing || index === candidates.length - 1) throw error;
        }
      }
      return 0;
    } catch (error) {
      return startFailure(error);
    }
  },
);
