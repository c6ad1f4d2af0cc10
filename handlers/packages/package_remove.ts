import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { packageRemoveOperation } from "../../lib/privileged/packages/package_remove.ts";
import {
  OPERATION_JOB_NOTES,
  operationJob,
  operationJobExample,
  startOperationJob,
} from "../jobs/_new_job.ts";
import { PACKAGE_NOTES } from "./_notes.ts";

const job = operationJob(packageRemoveOperation);

/** `package_remove`: removes packages, as a job. */
export const packageRemove = method({
  ...job,
  summary: "Removes packages, as a job.",
  notes: [
    "`packages` has 1 to 256 names. What depends on them is removed too; their configuration files " +
    "stay where the manager keeps them apart.",
    ...PACKAGE_NOTES,
    ...OPERATION_JOB_NOTES,
  ],
  errors: [
    ...job.errors,
    {
      code: ERRORS.notFound.code,
      when: "apt has no such package installed",
    },
  ],
  example: {
    params: { job_id: "remove-1", packages: ["nginx"] },
    result: operationJobExample("package_remove", "remove-1"),
  },
  target: ({ job_id, packages }) => ({ job_id, packages }),
  run: ({ job_id, timeout_seconds, keep_seconds, ...params }, context) =>
    startOperationJob(
      packageRemoveOperation.name,
      { job_id, timeout_seconds, keep_seconds },
      params,
      context,
    ),
});
