import { powerCommand } from "./_power.ts";

/** `shutdown`: powers a guest off. */
export const shutdown = powerCommand("shutdown", "Shuts a guest down.", "the guest is off");
