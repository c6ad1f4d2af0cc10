/**
 * What the methods that start a job have in common.
 *
 * @module
 */

import * as z from "zod";
import { invalidParams } from "../../lib/base/errors.ts";
import type { AgentServices, Context, PolicyRule } from "../../lib/core/method.ts";
import type { TypedOperation } from "../../lib/privileged/operation.ts";
import { BROKER_ERROR } from "../_privileged.ts";
import { EXAMPLE_STATUS, JobId, StatusMembers, statusOf } from "./_job_method.ts";

const LIMIT_KEYS = { timeout_seconds: "max_seconds", keep_seconds: "keep_seconds" } as const;

/**
 * A time that a request may choose up to its limit, which is also the default.
 *
 * @throws {RpcError} -32602 if it is longer.
 */
export function within(
  name: keyof typeof LIMIT_KEYS,
  requested: number | undefined,
  maximum: number,
): number {
  if (requested === undefined) return maximum;
  if (requested <= maximum) return requested;
  throw invalidParams(
    `${name} must be at most ${maximum} (jobs.${LIMIT_KEYS[name]}), received ${requested}`,
    { params: [name] },
  );
}

/** The times of a request. */
export interface JobTimes {
  readonly timeout_seconds?: number | undefined;
  readonly keep_seconds?: number | undefined;
}

/**
 * The rules about the times of a job, for `policy_explain`.
 *
 * @throws {RpcError} -32602 if one is too long.
 */
export const timeRules = (times: JobTimes, { config: { jobs } }: AgentServices): PolicyRule[] =>
  (["timeout_seconds", "keep_seconds"] as const).map((parameter) => {
    const key = LIMIT_KEYS[parameter];
    within(parameter, times[parameter], jobs[key]);
    return { key: `jobs.${key}`, entry: String(jobs[key]), parameter };
  });

/** The same for the same parameters, in whatever order; the parameters cannot be found out from it. */
export async function fingerprintOf(params: Readonly<Record<string, unknown>>): Promise<string> {
  const sorted = Object.entries(params).sort(([one], [other]) => one < other ? -1 : 1);
  const bytes = new TextEncoder().encode(JSON.stringify(sorted));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

const JobTimeMembers = () => ({
  timeout_seconds: z.optional(z.int().check(z.gte(1))),
  keep_seconds: z.optional(z.int().check(z.gte(0))),
});

/** What a method tells about a job that a broker runs. */
export const OPERATION_JOB_NOTES = [
  "It answers when the work has begun. `job_id`, `timeout_seconds`, `keep_seconds` and the result are " +
  "those of `job_start`; `job_read` reads the output and `job_status` waits for the end, for which " +
  "the group `exec` must be on. `job_signal` with `SIGTERM` interrupts it like Ctrl-C, and so does " +
  "the end of `timeout_seconds`. It takes no input. If the agent ends meanwhile, the job is `lost` " +
  "but the work goes on: the agent itself may be what is being replaced.",
] as const;

/** The example of the result of such a method. */
export const operationJobExample = (command: string, jobId: string) => ({
  started: true,
  ...EXAMPLE_STATUS,
  job_id: jobId,
  command,
  output_bytes: 0,
  end_cursor: EXAMPLE_STATUS.begin_cursor,
});

/** The part of a method's definition that its operation determines, if that runs as a job. */
export function operationJob<
  const Name extends string,
  Shape extends z.core.$ZodShape,
  Result extends z.ZodMiniType,
>(operation: TypedOperation<Name, z.ZodMiniObject<Shape, z.core.$strict>, Result>) {
  const { name, group, params, hidden } = operation;
  return {
    name,
    capability: name,
    access: group,
    // OpenRPC wants the required parameters first, and most operations have some.
    params: () => z.strictObject({ job_id: JobId(), ...params().shape, ...JobTimeMembers() }),
    result: () => z.strictObject({ started: z.boolean(), ...StatusMembers() }),
    hidden,
    audited: true,
    errors: [BROKER_ERROR],
    policy: timeRules,
    available: ({ guest }: AgentServices) => guest.privileged.unavailable === undefined,
  };
}

/** What {@link startOperationJob} needs to know of the request. */
export interface OperationJobParams extends JobTimes {
  readonly job_id: string;
}

/**
 * Starts an operation as a job, or finds the job of the same request.
 *
 * @param operation The name of the operation, and the name for people.
 * @param params The parameters of the operation.
 * @throws {RpcError} as `Jobs.start` and the operation do.
 */
export async function startOperationJob(
  operation: string,
  job: OperationJobParams,
  params: Readonly<Record<string, unknown>>,
  { config, guest, jobs }: Context,
) {
  const { jobs: limits } = config;
  const { job: started, isNew } = await jobs.start({
    id: job.job_id,
    fingerprint: await fingerprintOf({ operation, ...job, ...params }),
    command: operation,
    timeoutSeconds: within("timeout_seconds", job.timeout_seconds, limits.max_seconds),
    keepSeconds: within("keep_seconds", job.keep_seconds, limits.keep_seconds),
    hasTerminal: false,
    start: (given) => guest.privileged.start(operation, params, given),
    input: { bytes: new Uint8Array(0), isLast: true },
    limits,
  });
  return { started: isNew, ...statusOf(started) };
}
