/**
 * Programs that a host runs may change the guest at any time.
 *
 * @module
 */

import type { Commands } from "./commands.ts";
import type { KeptReports } from "./kept_reports.ts";

/** What starts programs. */
export type Starters = Pick<Commands, "run" | "start">;

/** The same, and no report about the guest is kept while one of the programs runs. */
export const programsThatChange = (reports: KeptReports, { run, start }: Starters): Starters => ({
  run: async (options) => {
    const changed = reports.change();
    try {
      return await run(options);
    } finally {
      changed();
    }
  },
  start: async (options) => {
    const changed = reports.change();
    try {
      const command = await start(options);
      void command.ended.then(changed);
      return command;
    } catch (error) {
      changed();
      throw error;
    }
  },
});
