import { method } from "../../lib/core/method.ts";
import { timeSetOperation } from "../../lib/privileged/time_set.ts";
import { perform, privileged } from "../_privileged.ts";

/** `time_set`: sets the clock. */
export const timeSet = method({
  ...privileged(timeSetOperation),
  summary: "Sets the guest's clock.",
  notes: [
    "`time_ms` is the time at which the agent received the request, in milliseconds since 1970: the " +
    "time that it takes until the clock is set is added. Without it, the clock is set from the " +
    "hardware clock. `step_ms` is by how much the clock jumped, and `hardware_clock_set` whether the " +
    "hardware clock was set as well.",
  ],
  example: {
    params: { time_ms: 1_795_287_405_000 },
    result: { time_ms: 1_795_287_405_031, step_ms: 12_034, hardware_clock_set: true },
  },
  run: (params, context) => perform(timeSetOperation, params, context),
});
