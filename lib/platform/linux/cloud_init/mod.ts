/**
 * cloud-init, by the files that it keeps in /run for this boot.
 *
 * @module
 */

import * as z from "zod";
import { lazily } from "../../../base/lazily.ts";
import type { CloudInit, CloudInitStatus } from "../../../guest/cloud_init.ts";
import { runScript } from "../shell.ts";

const TIMEOUT_MS = 10_000;
const MAX_ERRORS = 20;
const MAX_ERROR_CHARACTERS = 500;

/** Reading the files takes no time; `cloud-init status` starts Python. */
const SCRIPT = `
cd /run/cloud-init 2> /dev/null || { echo none; exit; }
if [ -e disabled ]; then echo disabled; exit; fi
echo status
head -c 65536 status.json 2> /dev/null
echo
echo '==>'
head -c 65536 result.json 2> /dev/null
`;

const Stage = lazily(() => z.looseObject({ errors: z.optional(z.array(z.string())) }));
const Status = lazily(() =>
  z.looseObject({
    v1: z.looseObject({
      datasource: z.optional(z.nullable(z.string())),
      stage: z.optional(z.nullable(z.string())),
    }),
  })
);
const Result = lazily(() => z.looseObject({ v1: Stage() }));

/** Reads what cloud-init has written. */
export class LinuxCloudInit implements CloudInit {
  async status(signal: AbortSignal): Promise<CloudInitStatus> {
    return parseCloudInit(await runScript({ code: SCRIPT, timeoutMs: TIMEOUT_MS, signal }));
  }
}

/** Parses what the script prints: a word, and the two files for `status`. */
export function parseCloudInit(text: string): CloudInitStatus {
  const end = text.indexOf("\n");
  const word = text.slice(0, end);
  if (word === "disabled") return { state: "disabled", errors: [] };
  const [statusText = "", resultText = ""] = text.slice(end + 1).split("\n==>\n");
  const status = z.safeParse(Status(), jsonOf(statusText));
  if (word !== "status" || !status.success) return { state: "not_started", errors: [] };
  const { datasource, stage, ...stages } = status.data.v1;
  const result = z.safeParse(Result(), jsonOf(resultText));
  const errors = result.success && result.data.v1.errors !== undefined
    ? result.data.v1.errors
    : Object.values(stages).flatMap((one) => {
      const checked = z.safeParse(Stage(), one);
      return checked.success ? checked.data.errors ?? [] : [];
    });
  return {
    state: !result.success ? "running" : errors.length > 0 ? "error" : "done",
    ...(datasource ? { dataSource: datasource } : {}),
    ...(stage ? { stage } : {}),
    errors: errors.slice(0, MAX_ERRORS).map((error) => error.slice(0, MAX_ERROR_CHARACTERS)),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It is just being written, or missing.
    return undefined;
  }
}
