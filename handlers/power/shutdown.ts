import { powerMethod } from "./_power.ts";

/** `shutdown` (protocol §8): shuts the guest down, gracefully unless forced. */
export const shutdown = powerMethod("shutdown", "Shuts the guest down.", "Shutdown initiated");
