/**
 * Reads /sys with the `read` of a shell that keeps running.
 *
 * @module
 */

import { ResidentScript } from "./resident_script.ts";

const TIMEOUT_MS = 5000;

/**
 * A shell reads each byte with a system call, so flags are only read if the state is unknown. An
 * interface that disappears while it is read is left out. The answer is printed in one piece, since
 * each print wakes the agent.
 */
const READ_SYSFS = `
newline="
"
cd /sys/class/net
while read -r question; do
  text=
  case $question in
    processors)
      read -r list < /sys/devices/system/cpu/online && text=$list$newline
      ;;
    links)
      for name in *; do
        read -r state < "$name/operstate" && read -r mtu < "$name/mtu" || continue
        flags=-
        [ "$state" != unknown ] || read -r flags < "$name/flags" || continue
        address=
        read -r address < "$name/address"
        text="$text$state $mtu $flags \${address:--} $name$newline"
      done
      ;;
  esac
  printf '%send\\n' "$text"
done
`;

/** Questions about /sys. */
export class Sysfs implements AsyncDisposable {
  readonly #script = new ResidentScript(READ_SYSFS);

  /**
   * The processors that are online, as `0-3,5`. The runtime's count depends on the agent's CPU
   * quota and affinity.
   *
   * @throws As {@link ResidentScript.ask}.
   */
  async onlineProcessors(signal: AbortSignal): Promise<string> {
    return await this.#script.ask("processors\n", { timeoutMs: TIMEOUT_MS, signal });
  }

  /**
   * The network interfaces, one per line: operational state, MTU, flags (`-` for a known state),
   * hardware address or `-`, name.
   *
   * @throws As {@link ResidentScript.ask}.
   */
  async links(signal: AbortSignal): Promise<string> {
    return await this.#script.ask("links\n", { timeoutMs: TIMEOUT_MS, signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#script[Symbol.asyncDispose]();
  }
}

/** The number of processors in a list such as `0-3,5`; at least one. */
export function countProcessors(list: string): number {
  let count = 0;
  for (const range of list.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (match?.[1] !== undefined) count += Number(match[2] ?? match[1]) - Number(match[1]) + 1;
  }
  return Math.max(1, count);
}
