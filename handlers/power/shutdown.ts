import { powerMethod } from "./_power.ts";

/** `shutdown` (protocol §8): turns the guest off, gracefully unless forced. */
export const shutdown = powerMethod("shutdown", "Turns the guest off.", "Shutdown initiated");
