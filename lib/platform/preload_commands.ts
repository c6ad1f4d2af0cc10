/**
 * Loading the code that starts processes before somebody waits for it.
 *
 * @module
 */

/**
 * Makes Deno load `Deno.Command`: 9 ms of the first fact or command, 1.4 MiB of the idle agent. The
 * first look at the member does it.
 */
export function preloadCommands(): boolean {
  return typeof Deno.Command === "function";
}
