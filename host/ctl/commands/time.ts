import { object, option } from "@optique/core";
import { printLine } from "../../../lib/base/terminal.ts";
import { type ClockOffset, measureClockOffset } from "../../clock_offset.ts";
import { defineCommand, lines } from "../command.ts";
import { EXIT } from "../exit.ts";
import { timeText } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

/** `time`: a guest's clock, compared with the host's. */
export const time = defineCommand(
  {
    name: "time",
    brief: "Compares a guest's clock with the host's, or sets it.",
    details: ["The offset is positive if the guest is ahead."],
    examples: ["time --domain vm1", "time --domain vm1 --set"],
  },
  object({
    set: option("--set", { description: lines(["sets it to this machine's time first"]) }),
  }),
  async ({ set }, invocation) => {
    const { json, signal } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    if (set) await client.call("time_set", { time_ms: Date.now() }, { signal });
    const measured = await measureClockOffset(client, { signal });
    const { offsetMs, uncertaintyMs, guest } = measured;
    printLine(
      json
        ? printableJson({ offset_ms: offsetMs, uncertainty_ms: uncertaintyMs, ...guest }, 2)
        : describe(measured),
    );
    return EXIT.ok;
  },
);

function describe({ offsetMs, uncertaintyMs, guest }: ClockOffset): string {
  const { zone, zone_abbreviation, synchronized, clock_source } = guest;
  const state = synchronized === undefined ? "not known" : synchronized ? "yes" : "no";
  return [
    `guest         ${timeText(guest.sent_ms, "milliseconds")} UTC`,
    `offset        ${offsetMs.toFixed(3)} ms, ± ${uncertaintyMs.toFixed(3)} ms`,
    `time zone     ${printable(zone ?? zone_abbreviation)} (${printable(zone_abbreviation)})`,
    `synchronized  ${state}`,
    `clock source  ${printable(clock_source ?? "not known")}`,
  ].join("\n");
}
