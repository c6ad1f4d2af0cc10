/** Runs a child with a grandchild into its time limit, with permission to run only the shell. */

import { runChild } from "../../../../../lib/platform/linux/processes/run_child.ts";
import { printLine } from "../../../../../lib/base/terminal.ts";

const { stdout, ...result } = await runChild({
  program: "/bin/sh",
  args: ["-c", "echo $$; sleep 300 & echo $!; wait"],
  workingDirectory: "/",
  env: { PATH: "/usr/bin:/bin" },
  maxOutputBytes: 1000,
  timeoutMs: 1000,
  signal: new AbortController().signal,
});
const pids = new TextDecoder().decode(stdout.bytes).trim().split("\n").map(Number);
printLine(JSON.stringify({ ...result, pids }));
