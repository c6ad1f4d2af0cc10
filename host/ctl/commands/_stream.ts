/**
 * Passes the streams and signals of this program to a job in a guest.
 *
 * @module
 */

import { printError, writeBytes } from "../../../lib/base/terminal.ts";
import type { JobEnd, RemoteJob } from "../../jobs/job.ts";
import { sleep } from "../../sleep.ts";
import { Interrupted } from "../explain.ts";
import { bytesText } from "../format.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
/** How long a job that was killed may take to end. */
const KILL_MS = 5000;

/** The end of a job, and whether all its output was seen. */
export interface Streamed {
  readonly end: JobEnd;
  readonly hasGap: boolean;
}

/**
 * Writes a job's output as it arrives, until it ends.
 *
 * @throws The reason of the signal.
 */
export async function writeOutput(
  job: RemoteJob,
  options: { readonly cursor?: string; readonly follow?: boolean; readonly signal?: AbortSignal },
): Promise<Streamed | undefined> {
  let hasGap = false;
  for await (const part of job.output(options)) {
    if (part.kind === "data") {
      writeBytes(part.stream === "stderr" ? Deno.stderr : Deno.stdout, part.bytes);
    } else if (part.kind === "gap") {
      hasGap = true;
      printError(
        `kvmmanager-ctl: ${bytesText(part.bytes)} of output are lost: the guest had no room`,
      );
    } else return { end: part.end, hasGap };
  }
  return undefined;
}

/** Passes standard input on until it ends or the job takes no more. Never rejects. */
export async function passInput(job: RemoteJob): Promise<void> {
  const input = job.input();
  try {
    for await (const chunk of Deno.stdin.readable) {
      await input.write(chunk);
      if (input.isClosed) return;
    }
    await input.end();
  } catch {
    // The output ends with the reason.
  }
}

/**
 * Passes signals on to a job. The second one kills it, and the third one, or a job that still does
 * not end, ends the wait.
 */
export class SignalsToJob implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners: (readonly [Deno.Signal, () => void])[];
  #count = 0;

  constructor(job: RemoteJob) {
    this.#listeners = SIGNALS.map((signal) =>
      [signal, () => void this.#pass(job, signal)] as const
    );
    for (const [signal, listener] of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  /** Aborted when it is no use to wait any longer. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async #pass(job: RemoteJob, signal: (typeof SIGNALS)[number]): Promise<void> {
    this.#count += 1;
    try {
      if (this.#count === 1) return await job.signal(signal);
      if (this.#count === 2) {
        await Promise.race([job.signal("SIGKILL"), sleep(KILL_MS)]);
        await sleep(KILL_MS);
      }
    } catch {
      // The guest cannot be reached.
    }
    this.#controller.abort(new Interrupted("interrupted"));
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}

/** Leaves nothing of the job in the guest, if that can be done soon. Never rejects. */
export async function cleanUp(
  job: RemoteJob,
  hasEnded: boolean,
  mostMs: number = KILL_MS,
): Promise<void> {
  const giveUp = new AbortController();
  const work = async () => {
    if (!hasEnded) {
      await job.signal("SIGKILL");
      await job.end(giveUp.signal);
    }
    await job.forget();
  };
  await Promise.race([work().catch(() => {}), sleep(mostMs)]);
  giveUp.abort();
}
