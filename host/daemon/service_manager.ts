/**
 * The daemon and systemd: the sockets that it was given, readiness, and the watchdog.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { messageOf } from "../../lib/base/message_of.ts";
import { type NotifySocket, openNotifySocket } from "../../lib/base/notify_socket.ts";

/** The first descriptor that is passed (sd_listen_fds(3)). */
const FIRST_DESCRIPTOR = 3;
const WATCHDOG_MS = 60_000;
const ALIVE_MS = WATCHDOG_MS / 4;

/** A socket that the service manager opened. */
export interface GivenSocket {
  readonly descriptor: number;
  /** As `FileDescriptorName=` says. */
  readonly name: string;
}

/** The variables that systemd sets. */
export interface ServiceVariables {
  readonly LISTEN_PID?: string | undefined;
  readonly LISTEN_FDS?: string | undefined;
  readonly LISTEN_FDNAMES?: string | undefined;
}

/** The sockets that this process was given. */
export function givenSockets(
  { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = "" }: ServiceVariables,
  pid: number = Deno.pid,
): GivenSocket[] {
  if (LISTEN_PID !== String(pid)) return [];
  const names = LISTEN_FDNAMES.split(":");
  return Array.from({ length: Number(LISTEN_FDS) || 0 }, (_, index) => ({
    descriptor: FIRST_DESCRIPTOR + index,
    name: names[index] ?? "",
  }));
}

/** Tells the service manager how the daemon is doing. */
export class ServiceManager implements Disposable {
  readonly #socket: NotifySocket | undefined;
  readonly #onProblem: (problem: string) => void;
  #alive: ReturnType<typeof setInterval> | undefined;

  /**
   * @param notifySocket The path in `NOTIFY_SOCKET`; without it there is nobody to tell.
   * @param besides A path beside which to send from.
   */
  constructor(
    notifySocket: string | undefined,
    besides: string,
    onProblem: (problem: string) => void,
  ) {
    this.#onProblem = onProblem;
    if (notifySocket === undefined) return;
    try {
      this.#socket = openNotifySocket(notifySocket, `${dirname(besides)}/.hostd-notify.sock`);
    } catch (error) {
      onProblem(`the service manager is told nothing: ${messageOf(error)}`);
    }
  }

  /** Clients are served from now on; starts the watchdog. */
  ready(): void {
    if (this.#socket === undefined) return;
    this.#send(`READY=1\nWATCHDOG_USEC=${WATCHDOG_MS * 1000}`);
    this.#alive = setInterval(() => this.#send("WATCHDOG=1"), ALIVE_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#alive);
    this.#send("STOPPING=1", () => this.#socket?.close());
  }

  #send(message: string, then: () => void = () => {}): void {
    void this.#socket?.send(message)
      .catch((error) => this.#onProblem(`the service manager: ${messageOf(error)}`))
      .finally(then);
  }
}
