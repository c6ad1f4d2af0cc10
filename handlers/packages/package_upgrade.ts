import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { packageUpgradeOperation } from "../../lib/privileged/packages/package_upgrade.ts";
import {
  OPERATION_JOB_NOTES,
  operationJob,
  operationJobExample,
  startOperationJob,
} from "../jobs/_new_job.ts";
import { PACKAGE_NOTES } from "./_notes.ts";

const job = operationJob(packageUpgradeOperation);

/** `package_upgrade`: upgrades packages, or all of them, as a job. */
export const packageUpgrade = method({
  ...job,
  summary: "Upgrades packages, or all of them, as a job.",
  notes: [
    "`packages` has up to 256 names; without any, everything is upgraded. With `refresh`, the default, " +
    "the manager asks its sources what is new first. No package is removed for an upgrade of all by " +
    "apt; new ones that it needs are installed.",
    ...PACKAGE_NOTES,
    ...OPERATION_JOB_NOTES,
  ],
  errors: [
    ...job.errors,
    {
      code: ERRORS.tooManyRequests.code,
      when: "`jobs.max_running` jobs are running",
    },
  ],
  example: {
    params: { job_id: "upgrade-1" },
    result: operationJobExample("package_upgrade", "upgrade-1"),
  },
  target: ({ job_id, packages }) => ({ job_id, packages }),
  run: ({ job_id, timeout_seconds, keep_seconds, ...params }, context) =>
    startOperationJob(
      packageUpgradeOperation.name,
      { job_id, timeout_seconds, keep_seconds },
      params,
      context,
    ),
});
