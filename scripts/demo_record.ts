/**
 * `deno task demo:record`: runs the demo and draws its output as docs/demo.svg, for the README.
 *
 * @module
 */

import { printError, printLine } from "../lib/base/terminal.ts";
import { recordingOf } from "./demo/recording.ts";

const COMMAND = "npx -y deno@2.9.5 task demo";
const OUTPUT = new URL("../docs/demo.svg", import.meta.url);

async function record(): Promise<number> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("demo.ts", import.meta.url).pathname],
    // Short paths, and the commands that a person who uses npx would be shown at the end.
    env: { FORCE_COLOR: "1", NO_COLOR: "", TMPDIR: "/tmp", npm_command: "exec" },
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) {
    printError("demo:record: the demo failed, docs/demo.svg is unchanged");
    return 1;
  }
  await Deno.writeTextFile(OUTPUT, recordingOf(new TextDecoder().decode(stdout), COMMAND));
  printLine("wrote docs/demo.svg");
  return 0;
}

if (import.meta.main) Deno.exit(await record());
