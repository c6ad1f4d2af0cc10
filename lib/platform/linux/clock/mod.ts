/**
 * The clock of a Linux guest.
 *
 * @module
 */

import type { Clock, ClockState } from "../../../guest/clock.ts";
import { runScript } from "../shell.ts";

const TIMEOUT_MS = 10_000;
const ZONE_DIRECTORY = "/usr/share/zoneinfo/";

/**
 * The service's sandbox blocks reading the kernel's own state (adjtimex(2) is a call that can set the
 * clock as well), so the programs that keep the time are asked: systemd, else chrony, else the mark
 * that systemd-timesyncd leaves.
 */
const SCRIPT = `
date '+offset %z%nabbreviation %Z'
echo "zone $(readlink /etc/localtime)"
{ read -r zone < /etc/timezone && echo "timezone $zone"; } 2> /dev/null
{ read -r source < /sys/devices/system/clocksource/clocksource0/current_clocksource &&
  echo "source $source"; } 2> /dev/null
answer=$(timedatectl show --property=NTPSynchronized --value 2> /dev/null)
case $answer in
yes | no) echo "synchronized $answer"; exit ;;
esac
answer=$(chronyc -n tracking 2> /dev/null)
case $answer in
*'Leap status     : Not synchronised'*) echo 'synchronized no'; exit ;;
*'Leap status     : '*) echo 'synchronized yes'; exit ;;
esac
if [ -d /run/systemd/timesync ]; then
  if [ -e /run/systemd/timesync/synchronized ]; then echo 'synchronized yes'
  else echo 'synchronized no'
  fi
fi
`;

/** Reads how the clock is set up. */
export class LinuxClock implements Clock {
  async state(signal: AbortSignal): Promise<ClockState> {
    return parseClock(await runScript({ code: SCRIPT, timeoutMs: TIMEOUT_MS, signal }));
  }
}

/** Parses lines of a word and a value. */
export function parseClock(text: string): ClockState {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf(" ");
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  const [, sign = "+", hours = "0", minutes = "0"] =
    /^([+-])(\d\d)(\d\d)$/.exec(values.get("offset") ?? "") ?? [];
  const seconds = Number(hours) * 3600 + Number(minutes) * 60;
  const zone = zoneOf(values.get("zone") ?? "") ?? values.get("timezone");
  const synchronized = values.get("synchronized");
  const source = values.get("source");
  return {
    zoneOffsetSeconds: sign === "-" && seconds > 0 ? -seconds : seconds,
    zoneAbbreviation: values.get("abbreviation") ?? "UTC",
    ...(zone === undefined || zone === "" ? {} : { zone }),
    ...(synchronized === undefined ? {} : { isSynchronized: synchronized === "yes" }),
    ...(source === undefined ? {} : { source }),
  };
}

/** The name in the target of /etc/localtime (localtime(5)). */
function zoneOf(target: string): string | undefined {
  const at = target.indexOf(ZONE_DIRECTORY.slice(1));
  return at < 0 ? undefined : target.slice(at + ZONE_DIRECTORY.length - 1);
}
