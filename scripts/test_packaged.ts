/**
 * `deno task test:packaged`: runs tests of the agent against the packaged program instead of the
 * source: the launcher, the minified bundle, and the runtime with its own C library, as in the
 * tarball.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { printLine } from "../lib/base/terminal.ts";
import { installProgram } from "./package/program.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** What packaging can break: starting, permissions, channels, children, the broker. */
const SHORT = [
  "audit",
  "command_line",
  "command",
  "confinement",
  "device",
  "privileged",
  "reload",
  "socket",
  "stdio",
  "whitelist",
].map((name) => `tests/agent/${name}_test.ts`);

const directory = await Deno.makeTempDir({ prefix: "kvmmanager-packaged-" });
let status: Deno.CommandStatus;
try {
  await installProgram(directory, {
    architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
    runtime: undefined,
    ownLibraries: true,
    prefix: directory,
  });
  const binary = `${directory}/usr/bin/kvmmanager-agent`;
  const wanted = Deno.args.some((arg) => !arg.startsWith("-")) ? [] : SHORT;
  printLine(`testing the packaged launcher with its own C library: ${binary}`);
  status = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--parallel", ...wanted, ...Deno.args],
    cwd: ROOT,
    env: { KVMMANAGER_AGENT_BINARY: binary },
  }).spawn().status;
} finally {
  await Deno.remove(directory, { recursive: true });
}
Deno.exit(status.code);
