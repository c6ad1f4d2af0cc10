import { powerMethod } from "./_power.ts";

/** `reboot` (protocol §9): reboots the guest, gracefully unless forced. */
export const reboot = powerMethod("reboot", "Reboots the guest.", "Reboot initiated");
