import { powerCommand } from "./_power.ts";

/** `reboot`: restarts a guest. */
export const reboot = powerCommand("reboot", "Restarts a guest.", "its agent answers again");
