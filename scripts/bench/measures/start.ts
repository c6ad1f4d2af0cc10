import type { Measure } from "../measure.ts";
import { median } from "../stats.ts";
import { start } from "../start.ts";

const MORE_STARTS = 6;

/** From the start of the process to its answer to a ping. */
export const startTime: Measure = {
  name: "start",
  rows: [{
    label: "start to first answer",
    unit: "ms",
    digits: 1,
    limit: { kind: "at most", value: 60 },
    inReadme: true,
  }],
  run: async ({ peer, scratch, startMs }) => {
    const times = [startMs];
    for (let done = 0; done < MORE_STARTS; done++) {
      await using another = await start(peer, scratch);
      times.push(another.startMs);
    }
    return { "start to first answer": median(times) };
  },
};
