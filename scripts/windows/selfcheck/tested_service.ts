/**
 * The service that the self-check installs: it looks at itself as a service and writes down what it
 * finds.
 *
 * @module
 */

import * as z from "zod";
import { UsageError } from "../../../lib/base/command_line.ts";
import { sleep } from "../../../lib/base/timer.ts";
import { kernel32 } from "../../../lib/platform/windows/ffi/kernel32.ts";
import { Dispatcher } from "../../../lib/platform/windows/service/dispatcher.ts";
import type { ServiceIdentity } from "../../../lib/platform/windows/service/identity.ts";
import { limitOwnProcess } from "../../../lib/platform/windows/service/own_limits.ts";
import { workingSetOf } from "./process_use.ts";
import { privileges } from "./security.ts";

/** What it is called. */
export const TESTED_SERVICE: ServiceIdentity = {
  name: "KVMManagerSelfCheck",
  displayName: "KVMManager self-check (can be removed)",
  description: "Shows the self-check what a service is given. Can be removed.",
};

const MIB = 2 ** 20;
/** More than the limit of resident memory, and more than that of committed memory. */
const TOUCHED_BYTES = 100 * MIB;
const COMMITTED_BYTES = 512 * MIB;
const PIECE_BYTES = 16 * MIB;
const CRASHED = 3;

/** What the service finds. */
export const Findings = z.strictObject({
  privileges: z.array(z.string()),
  /** Limits that Windows refuses. */
  refused: z.array(z.string()),
  /** Bytes, after more than the limit was used. */
  workingSet: z.int(),
  /** Whether Windows refused memory beyond the limit. */
  isCommitRefused: z.boolean(),
});

/** The file in which the service counts its starts: a character for each. */
export const startsFile = (folder: string): string => `${folder}\\starts`;
/** The file with its findings. */
export const findingsFile = (folder: string): string => `${folder}\\findings.json`;

function findings(): z.output<typeof Findings> {
  const names = privileges();
  const refused = limitOwnProcess();
  const pieces: Uint8Array[] = [];
  const take = (bytes: number, fill: number | undefined) => {
    for (let taken = 0; taken < bytes; taken += PIECE_BYTES) {
      const piece = new Uint8Array(PIECE_BYTES);
      if (fill !== undefined) piece.fill(fill);
      pieces.push(piece);
    }
  };
  let workingSet = 0;
  let isCommitRefused = false;
  try {
    take(TOUCHED_BYTES, 1);
    workingSet = workingSetOf(kernel32.GetCurrentProcess());
    take(COMMITTED_BYTES, undefined);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    isCommitRefused = true;
  }
  return { privileges: names, refused, workingSet, isCommitRefused };
}

/**
 * Runs as the service until the service manager stops it. Told that its parameters have changed, it
 * crashes.
 *
 * @param folder Where to write what it finds.
 * @throws {UsageError} if the service manager has not started this process.
 */
export async function runTestedService(folder: string): Promise<void> {
  const dispatcher = new Dispatcher(TESTED_SERVICE.name);
  if (!await dispatcher.isService) throw new UsageError("--service is for the service manager");
  const { promise: stopping, resolve: stop } = Promise.withResolvers<void>();
  dispatcher.onControl({
    stop: () => stop(),
    // Not within the control, whose answer the manager would wait for.
    reload: () => void sleep(0).then(() => Deno.exit(CRASHED)),
  });
  dispatcher.reportRunning();
  const isFirst = !await Deno.stat(startsFile(folder)).then(() => true, () => false);
  await Deno.writeTextFile(startsFile(folder), ".", { append: true });
  if (isFirst) {
    const file = findingsFile(folder);
    await Deno.writeTextFile(`${file}.new`, JSON.stringify(findings()));
    await Deno.rename(`${file}.new`, file);
  }
  await stopping;
  await dispatcher.reportStopped(0);
}
