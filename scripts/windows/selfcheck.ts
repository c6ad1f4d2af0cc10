/**
 * Checks what tests under Wine cannot show, on a real Windows machine:
 * `deno run -A scripts/windows/selfcheck.ts`, or its bundle dist/selfcheck-windows.js, which needs
 * nothing but deno.exe.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { refuseUnknown, single, UsageError } from "../../lib/base/command_line.ts";
import { messageOf } from "../../lib/base/message_of.ts";
import { printError, printLine } from "../../lib/base/terminal.ts";

const USAGE = `Usage: deno run -A selfcheck-windows.js [--port PATH]

Checks that this Windows does what the agent relies on, and prints a table of what
passed, what failed, and what this machine cannot tell. Run it as an administrator:
it installs a service, "KVMManagerSelfCheck", and removes it again, and writes one
entry into the application log. The exit status is 1 if anything failed.

  --port PATH  the virtio-serial port (default: \\\\.\\Global\\org.kvmmanager.agent.0);
               stop the agent first, since only one program can have it open
`;

const EXIT = { ok: 0, failed: 1, usage: 64 } as const;

async function run(args: readonly string[]): Promise<number> {
  try {
    const parsed = parseArgs([...args], {
      boolean: ["help"],
      string: ["port", "service"],
      collect: ["port", "service"],
      alias: { h: "help" },
      unknown: refuseUnknown,
    });
    const [surplus] = parsed._;
    if (surplus !== undefined) throw new UsageError(`unexpected argument "${surplus}"`);
    if (parsed.help) {
      printLine(USAGE.trimEnd());
      return EXIT.ok;
    }
    if (Deno.build.os !== "windows") throw new UsageError("this is for Windows");
    const folder = single(parsed.service, "service");
    if (folder !== undefined) {
      // It is not there on other systems.
      const { runTestedService } = await import("./selfcheck/tested_service.ts");
      await runTestedService(folder);
      return EXIT.ok;
    }
    const { runChecks } = await import("./selfcheck/run.ts");
    return await runChecks(single(parsed.port, "port")) ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    printError(`selfcheck: ${messageOf(error)}; see --help`);
    return EXIT.usage;
  }
}

if (import.meta.main) Deno.exit(await run(Deno.args));
