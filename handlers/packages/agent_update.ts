import { ERRORS } from "../../lib/base/errors.ts";
import { method } from "../../lib/core/method.ts";
import { agentUpdateOperation } from "../../lib/privileged/updates/agent_update.ts";
import {
  OPERATION_JOB_NOTES,
  operationJob,
  operationJobExample,
  startOperationJob,
} from "../jobs/_new_job.ts";

const job = operationJob(agentUpdateOperation);

/** `agent_update`: replaces the agent by a signed package, as a job. */
export const agentUpdate = method({
  ...job,
  summary: "Replaces the agent by a signed package that was written to the guest, as a job.",
  notes: [
    "`path` is a deb, an rpm or a tarball of a release, written by `file_write` and named as in the release. " +
    "`sums` is the text of the release's `SHA256SUMS`, and `signature` is `SHA256SUMS.sig` in base64. " +
    "The guest's key is in `security.update_key`; without one, which is the default, updates are off.",
    "The old agent is put back unless the new one serves its port within a minute. An older version is " +
    "refused unless `downgrade` is true. The agent has to run under systemd, installed from the same " +
    "kind of package.",
    "The job is `lost` when the agent is replaced: `agent_update_status` tells what has become of it.",
    ...OPERATION_JOB_NOTES,
  ],
  errors: [
    ...job.errors,
    {
      code: ERRORS.permissionDenied.code,
      when: "`security.update_key` is not set, or did not sign `sums`",
    },
    { code: ERRORS.notFound.code, when: "`sums` does not list the file" },
    {
      code: ERRORS.tooManyRequests.code,
      when: "`jobs.max_running` jobs are running",
    },
  ],
  example: {
    params: {
      job_id: "update-1",
      path: "/tmp/kvmmanager/kvmmanager-agent_1.1.0_amd64.deb",
      sums: `${"6c".repeat(32)}  kvmmanager-agent_1.1.0_amd64.deb\n`,
      signature: `${"A".repeat(86)}==`,
    },
    result: operationJobExample("agent_update", "update-1"),
  },
  target: ({ job_id, path, downgrade }) => ({ job_id, path, downgrade }),
  run: ({ job_id, timeout_seconds, keep_seconds, ...params }, context) =>
    startOperationJob(
      agentUpdateOperation.name,
      { job_id, timeout_seconds, keep_seconds },
      params,
      context,
    ),
});
