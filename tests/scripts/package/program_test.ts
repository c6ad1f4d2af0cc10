/**
 * The packaged launcher, with a runtime that prints its arguments in the place of Deno.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { shellWords } from "../../../commands/permissions.ts";
import { brokerFlags } from "../../../lib/platform/linux/privileged/broker_grants.ts";
import { OPERATIONS } from "../../../lib/privileged/operations.ts";
import { launcher } from "../../../scripts/package/program.ts";
import { TempDirectory } from "../../lib/_helpers.ts";

/** Answers `permissions` as the agent does, and prints the rest. */
const FAKE_RUNTIME = `#!/bin/sh
for word in "$@"; do
	if [ "$word" = permissions ]; then
		echo asked >>"\${0%/*}/asked"
		cat "\${0%/*}/answer"
		exit
	fi
done
printf '%s\\0' "$@"
`;

interface Launched {
  readonly words: readonly string[];
  /** How often the runtime was started to find out the flags. */
  readonly questions: number;
}

async function launch(
  args: readonly string[],
  { answer, env = {} }: { answer: readonly string[]; env?: Record<string, string> },
): Promise<Launched> {
  await using directory = await TempDirectory.make();
  const file = (name: string) => `${directory.path}/${name}`;
  await Deno.writeTextFile(file("runtime"), FAKE_RUNTIME, { mode: 0o755 });
  await Deno.writeTextFile(file("answer"), shellWords(answer));
  const text = launcher({
    runtime: [file("runtime")],
    bundle: "/the/agent.js",
    broker: "/the/broker.js",
  });
  await Deno.writeTextFile(file("launcher"), text, { mode: 0o755 });
  const { stdout } = await new Deno.Command(file("launcher"), { args: [...args], env }).output();
  const asked = await Deno.readTextFile(file("asked")).catch(() => "");
  const words = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
  return {
    words: words.map((word) => word.replace(directory.path, "DIRECTORY")),
    questions: asked.split("\n").length - 1,
  };
}

const HOSTILE = ["--allow-read=/tmp/x\n--allow-all", "--allow-write=/tmp/'$(id)'", "--no-prompt"];

Deno.test("the launcher runs the agent with the flags that the agent has printed", async () => {
  const { words, questions } = await launch(["check", "--config", "a b"], { answer: HOSTILE });
  assertEquals(words[0], "run");
  assertEquals(
    words.slice(words.indexOf(HOSTILE[0] ?? "")),
    [...HOSTILE, "/the/agent.js", "--self=DIRECTORY/launcher", "check", "--config", "a b"],
  );
  assertEquals(questions, 1);
});

Deno.test("the launcher asks nothing where the service has found out the flags", async () => {
  const { words, questions } = await launch(["serve"], {
    answer: ["--allow-all"],
    env: { KVMMANAGER_AGENT_FLAGS: shellWords(HOSTILE) },
  });
  assertEquals(
    words.slice(words.indexOf(HOSTILE[0] ?? "")),
    [...HOSTILE, "/the/agent.js", "--self=DIRECTORY/launcher", "serve"],
  );
  assertEquals(questions, 0);
});

Deno.test("the launcher runs the broker's own bundle with the broker's permissions, and asks nothing", async () => {
  const { words, questions } = await launch(["privileged", "--peer=1-2-3"], {
    answer: ["--allow-all"],
    env: { KVMMANAGER_AGENT_FLAGS: shellWords(["--allow-all"]) },
  });
  const flags = brokerFlags(OPERATIONS);
  const first = words.indexOf(flags[0] ?? "");
  const granted = words.slice(first, first + flags.length);
  // The hooks of this machine come after the programs.
  assertEquals(granted.map((word, at) => word.slice(0, flags[at]?.length)), flags);
  assertEquals(words.slice(first + flags.length), ["/the/broker.js", "--peer=1-2-3"]);
  assertEquals([words.includes("--allow-all"), questions], [false, 0]);
});

Deno.test("the launcher does not let the agent use Deno's configuration, cache or network", () => {
  for (const flag of ["--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-code-cache"]) {
    assertStringIncludes(launcher(), ` ${flag} `);
  }
});
