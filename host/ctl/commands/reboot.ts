import { powerCommand } from "./_power.ts";

/** `reboot`: reboots a guest. */
export const reboot = powerCommand("reboot", "Reboots a guest.", "its agent answers again");
