/**
 * Runs all checks and prints the table.
 *
 * @module
 */

import { messageOf } from "../../../lib/base/message_of.ts";
import { printError, printLine } from "../../../lib/base/terminal.ts";
import { portPath } from "../../../lib/platform/windows/channel/port.ts";
import { defaultConfig } from "../../../lib/config/schema.ts";
import { type Check, requireThat, type Row, rowOf } from "./check.ts";
import { eventLogCheck } from "./event_log.ts";
import { fileChecks } from "./files.ts";
import { JOB_CHECKS } from "./jobs.ts";
import { PIPE_CHECKS } from "./pipe.ts";
import { portChecks } from "./port.ts";
import { isElevated } from "./security.ts";
import { ServiceCheck } from "./service.ts";
import { TESTED_SERVICE } from "./tested_service.ts";

const ADMINISTRATOR: Check = {
  name: "the self-check runs as an administrator",
  run: () => {
    requireThat(isElevated(), "it does not; what needs one fails");
    return "";
  },
};

/**
 * Runs the checks one after another, and prints a row for each.
 *
 * @param port The path of the port; that of the default channel if there is none.
 * @returns Whether none has failed.
 */
export async function runChecks(
  port = portPath(defaultConfig().channel_name),
): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "kvmmanager-selfcheck-" });
  const forFiles = `${folder}\\files`;
  const forService = `${folder}\\service`;
  await Deno.mkdir(forFiles);
  await Deno.mkdir(forService);
  const service = new ServiceCheck(forService);
  const checks = [
    ADMINISTRATOR,
    ...JOB_CHECKS,
    ...fileChecks(forFiles),
    ...PIPE_CHECKS,
    ...service.checks,
    eventLogCheck(TESTED_SERVICE.name),
    ...portChecks(port),
  ];
  const rows: Row[] = [];
  const width = Math.max(...checks.map(({ name }) => name.length));
  printLine(`Windows ${Deno.osRelease()}, Deno ${Deno.version.deno}\n`);
  try {
    for (const check of checks) {
      const row = await rowOf(check);
      rows.push(row);
      printLine(`${row.result.padEnd(7)}  ${row.name.padEnd(width)}  ${row.detail}`.trimEnd());
    }
  } finally {
    await service.remove().catch((error) => {
      printError(`selfcheck: the service ${TESTED_SERVICE.name} stays: ${messageOf(error)}`);
    });
    await Deno.remove(folder, { recursive: true });
  }
  const count = (result: Row["result"]) => rows.filter((row) => row.result === result).length;
  printLine(`\n${count("passed")} passed, ${count("failed")} failed, ${count("unknown")} unknown`);
  return count("failed") === 0;
}
