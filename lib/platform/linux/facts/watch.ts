/**
 * Looks at what changes in a Linux guest, with one shell that keeps running.
 *
 * @module
 */

import type { QuickLook, SlowLook, Watch } from "../../../guest/watch.ts";
import { ResidentScript } from "./resident_script.ts";

const QUICK_TIMEOUT_MS = 5000;
const SLOW_TIMEOUT_MS = 20_000;
/** Nobody waits for these answers: their time may be over some seconds late. */
const SLACK_MS = 15_000;

/**
 * A shell reads each byte with a system call, so only short files are read by it: the two kilobytes of
 * vmstat take a sixth of what a process takes. The answer is printed in one piece, since each print
 * wakes the agent.
 */
const LOOK = `
newline="
"
while read -r question; do
  text=
  case $question in
    quick)
      cd /sys/class/net && for name in *; do
        state=
        read -r state < "$name/operstate" && text="\${text}link $state $name$newline"
      done 2> /dev/null
      clock=
      read -r clock < /sys/class/rtc/rtc0/since_epoch && text="\${text}clock $clock$newline"
      ;;
    slow)
      while read -r name count && [ "$name" != oom_kill ]; do :; done < /proc/vmstat
      [ "$name" != oom_kill ] || text="oom_kill $count$newline"
      if [ -d /run/systemd/system ]; then
        units=$(systemctl list-units --state=failed --plain --no-legend --no-pager --full < /dev/null) &&
          text="\${text}units$newline$units$newline"
      fi
      ;;
  esac 2> /dev/null
  printf '%send\\n' "$text"
done
`;

/** The guest that the agent runs in, looked at again and again. */
export class LinuxWatch implements Watch {
  readonly #script = new ResidentScript(LOOK);

  async quick(signal: AbortSignal): Promise<QuickLook> {
    const text = await this.#script.ask("quick\n", {
      timeoutMs: QUICK_TIMEOUT_MS,
      slackMs: SLACK_MS,
      signal,
    });
    const addresses = Deno.networkInterfaces().map(({ name, cidr }) => `${name} ${cidr}`);
    return { ...parseQuick(text), addresses: new Set(addresses) };
  }

  async slow(signal: AbortSignal): Promise<SlowLook> {
    return parseSlow(
      await this.#script.ask("slow\n", { timeoutMs: SLOW_TIMEOUT_MS, slackMs: SLACK_MS, signal }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#script[Symbol.asyncDispose]();
  }
}

/** Parses `link STATE NAME` and `clock SECONDS`, one a line. */
export function parseQuick(text: string): Omit<QuickLook, "addresses"> {
  const links = new Map<string, string>();
  for (const [, state = "", name = ""] of text.matchAll(/^link (\S+) (.+)$/gm)) {
    links.set(name, state);
  }
  const clock = /^clock (\d+)$/m.exec(text)?.[1];
  return { links, ...(clock === undefined ? {} : { hardwareClockSeconds: Number(clock) }) };
}

/** Parses `oom_kill COUNT`, and after a line `units` a line of systemctl(1) for each unit. */
export function parseSlow(text: string): SlowLook {
  const kills = /^oom_kill (\d+)$/m.exec(text)?.[1];
  const [, units] = text.split(/^units$/m, 2);
  return {
    ...(kills === undefined ? {} : { memoryKills: Number(kills) }),
    ...(units === undefined ? {} : {
      failedUnits: [...units.matchAll(/^(\S+\.[a-z]+) /gm)].map(([, unit = ""]) => unit),
    }),
  };
}
