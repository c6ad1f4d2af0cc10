/**
 * The library example of the README, run against an agent.
 *
 * @module
 */

import { assertEquals, assertMatch, fail } from "@std/assert";
import { AgentProcess } from "../../scripts/demo/agent_process.ts";
import { fencedBlocks, readPage, ROOT } from "./_markdown.ts";

const LIBRARY = '"./host/mod.ts"';

Deno.test("the library example of the README runs, type-checked, and prints what it promises", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  await using _directory = {
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
  const config = `${directory}/config.json`;
  await Deno.writeTextFile(config, JSON.stringify({ log_file: null }));
  const socket = `${directory}/agent.sock`;
  await using agent = await AgentProcess.start([
    "--channel",
    `listen:${socket}`,
    "--config",
    config,
  ]);
  await agent.ready();

  const [code = fail("no example"), ...others] = fencedBlocks(await readPage("README.md"), "ts");
  assertEquals(others, []);
  const file = `${directory}/example.ts`;
  const library = JSON.stringify(new URL("host/mod.ts", ROOT));
  await Deno.writeTextFile(file, code.replace(LIBRARY, () => library));
  const configFlag = `--config=${new URL("deno.json", ROOT).pathname}`;
  const { code: status, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--check", configFlag, file, socket],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(status, 0, new TextDecoder().decode(stderr));
  const [facts = "", command, refusal = "", ...rest] = new TextDecoder().decode(stdout).split("\n");
  assertMatch(facts, /^\S+ has been up for \d+ s$/);
  assertEquals(command, "uname printed Linux and exited with 0");
  assertMatch(refusal, /^refused: \/etc\/shadow .*allowed_read_paths/);
  assertEquals(rest, [""]);
});
