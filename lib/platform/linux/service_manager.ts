/**
 * Tells systemd that the agent is alive (sd_notify(3), sd_watchdog_enabled(3)): an agent whose
 * process is stopped or whose event loop hangs is killed and started again.
 *
 * @module
 */

import type { Log } from "../../log/logger.ts";
import { messageOf } from "../../base/message_of.ts";
import { type NotifySocket, openNotifySocket } from "../../base/notify_socket.ts";
import { Timer } from "../../base/timer.ts";

/** Where the agent sends from, in its runtime directory. */
export const notifySocketIn = (runtimeDirectory: string): string =>
  `${runtimeDirectory}/notify.sock`;

/** How long the service manager waits for a message; long, since a guest may be overloaded. */
const LIMIT_MS = 60_000;
/**
 * A quarter of that, so that lost and late messages do no harm. As late again if the agent wakes up
 * then for something else.
 */
const ALIVE_MS = LIMIT_MS / 4;

/**
 * Starts the service manager's watchdog and tells it every fifteen seconds that the agent is alive,
 * until disposed of. If messages cannot be sent, that is logged once, and the service manager restarts
 * the agent within a minute; if there is no socket to send from, the watchdog stays off.
 *
 * @param socket The path in `NOTIFY_SOCKET`.
 * @param ownSocket Where to bind the agent's own end.
 */
export function keepWatchdogFed(
  socket: string,
  log: Log,
  ownSocket: string,
): Disposable {
  let connection: NotifySocket;
  try {
    connection = openNotifySocket(socket, ownSocket);
  } catch (error) {
    log.warn("the service manager's watchdog is off", { error: messageOf(error) });
    return { [Symbol.dispose]() {} };
  }
  let hasFailed = false;
  const send = async (message: string) => {
    try {
      await connection.send(message);
      hasFailed = false;
    } catch (error) {
      if (!hasFailed) {
        log.warn("cannot reach the service manager's watchdog", { error: messageOf(error) });
      }
      hasFailed = true;
    }
  };
  void send(`WATCHDOG_USEC=${LIMIT_MS * 1000}\nWATCHDOG=1`);
  let timer: Timer;
  const keepAlive = () => {
    timer = new Timer(ALIVE_MS, () => {
      void send("WATCHDOG=1");
      keepAlive();
    }, { lasting: true, slackMs: ALIVE_MS });
  };
  keepAlive();
  return {
    [Symbol.dispose]() {
      timer.stop();
      // Stopping may take longer than the watchdog waits.
      void send("WATCHDOG_USEC=0\nSTOPPING=1").finally(() => connection.close());
    },
  };
}
