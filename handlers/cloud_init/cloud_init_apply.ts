import { commandFailed, ERRORS } from "../../lib/base/errors.ts";
import { type AgentServices, method } from "../../lib/core/method.ts";
import { cloudInitApplyOperation } from "../../lib/privileged/cloud_init/cloud_init_apply.ts";
import { needed } from "../_ability.ts";
import {
  OPERATION_JOB_NOTES,
  operationJob,
  operationJobExample,
  startOperationJob,
} from "../jobs/_new_job.ts";

const job = operationJob(cloudInitApplyOperation);

/** `cloud_init_apply`: has cloud-init apply a `#cloud-config` document, as a job. */
export const cloudInitApply = method({
  ...job,
  summary: "Has cloud-init apply a `#cloud-config` document, as a job.",
  notes: [
    "`content` must be YAML that cloud-init's own check (`cloud-init schema`) accepts: if it does " +
    "not, `messages` has what it says. cloud-init must be 22.2 or newer.",
    "Then cloud-init runs the modules that the document's keys name, one after the other in the " +
    "order of its stages, whether or not they have run before, until one fails. `runcmd` comes last. " +
    "Values that the document lacks are those of the guest's own configuration and user data.",
    "Modules do what they do at the first boot: `ssh_authorized_keys`, for one, replaces the host " +
    "keys unless `ssh_deletekeys` is false. Keys for which a running guest needs nothing of " +
    "cloud-init, such as `power_state`, are refused.",
    ...OPERATION_JOB_NOTES,
  ],
  errors: [
    ...job.errors,
    { code: ERRORS.invalidParams.code, when: "The document is not YAML or not accepted" },
    {
      code: ERRORS.commandFailed.code,
      when: "cloud-init is not installed, too old, or still running for this boot",
    },
    { code: ERRORS.tooManyRequests.code, when: "`jobs.max_running` jobs are running" },
  ],
  // cloud-init's check alone takes seconds.
  ownTimeout: true,
  available: (services: AgentServices) =>
    services.guest.cloudInit !== undefined && job.available(services),
  example: {
    params: {
      job_id: "cloud-1",
      content: "#cloud-config\ntimezone: Europe/Vienna\nruncmd:\n- [touch, /root/configured]\n",
    },
    result: operationJobExample("cloud_init_apply", "cloud-1"),
  },
  target: ({ job_id }) => ({ job_id }),
  run: async ({ job_id, timeout_seconds, keep_seconds, ...params }, context) => {
    const cloudInit = needed(
      context.guest.cloudInit,
      "apply a document: cloud-init is not installed",
    );
    const { state, stage } = await cloudInit.status(context.signal);
    if (state === "running") {
      throw commandFailed(
        `cloud-init is still running for this boot${stage === undefined ? "" : ` (${stage})`}; ` +
          "wait until cloud_init_status says that it has finished",
      );
    }
    return await startOperationJob(
      cloudInitApplyOperation.name,
      { job_id, timeout_seconds, keep_seconds },
      params,
      context,
    );
  },
});
