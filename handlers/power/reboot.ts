import { powerMethod } from "./_power.ts";

/** `reboot` (protocol §9): restarts the guest, gracefully unless forced. */
export const reboot = powerMethod("reboot", "Restarts the guest.", "Reboot initiated");
