import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { packageInstallOperation } from "../../lib/privileged/packages/package_install.ts";
import {
  OPERATION_JOB_NOTES,
  operationJob,
  operationJobExample,
  startOperationJob,
} from "../jobs/_new_job.ts";
import { PACKAGE_NOTES } from "./_notes.ts";

const job = operationJob(packageInstallOperation);

/** `package_install`: installs packages, as a job. */
export const packageInstall = method({
  ...job,
  summary: "Installs packages, as a job.",
  notes: [
    "`packages` has 1 to 256 names: no versions, paths or patterns. With `refresh`, the default, the " +
    "manager asks its sources what is new first. What the packages need is installed too, and apt " +
    "and dnf remove what conflicts.",
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
    params: { job_id: "install-1", packages: ["nginx"] },
    result: operationJobExample("package_install", "install-1"),
  },
  target: ({ job_id, packages }) => ({ job_id, packages }),
  run: ({ job_id, timeout_seconds, keep_seconds, ...params }, context) =>
    startOperationJob(
      packageInstallOperation.name,
      { job_id, timeout_seconds, keep_seconds },
      params,
      context,
    ),
});
