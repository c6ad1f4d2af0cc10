/**
 * The service control manager and the event log, as the running agent sees them.
 *
 * @module
 */

import { VERSION } from "../../../base/version.ts";
import type { ServiceManager } from "../../platform.ts";
import { Dispatcher } from "./dispatcher.ts";
import { EventLog } from "./event_log.ts";
import type { ServiceIdentity } from "./identity.ts";

/** What has started this process as a service. */
export class WindowsServiceManager implements ServiceManager {
  readonly #dispatcher: Dispatcher;
  readonly #eventLog: EventLog;
  #stoppedBy: string | undefined;

  constructor({ name }: ServiceIdentity) {
    this.#dispatcher = new Dispatcher(name);
    this.#eventLog = new EventLog(name);
  }

  /** Whether the service manager has started this process; otherwise nothing here works. */
  get isService(): Promise<boolean> {
    return this.#dispatcher.isService;
  }

  onControl({ stop, reload }: Parameters<ServiceManager["onControl"]>[0]): void {
    this.#dispatcher.onControl({
      stop: (by) => {
        this.#stoppedBy = by;
        stop(by);
      },
      reload,
    });
  }

  ready(): void {
    this.#dispatcher.reportRunning();
    this.#eventLog.record("started", `kvmmanager-agent ${VERSION} has started.`);
  }

  // Bound, since the log calls it alone.
  readonly recordError: ServiceManager["recordError"] = (message, fields) =>
    this.#eventLog.recordError(message, fields);

  /**
   * Tells the manager that the service has stopped.
   *
   * @param exitStatus Other than 0 if it has failed in a way that a restart would not change.
   */
  async stopped(exitStatus: number): Promise<void> {
    const by = this.#stoppedBy === undefined ? "" : `, as ${this.#stoppedBy} asked`;
    this.#eventLog.record("stopped", `kvmmanager-agent has stopped${by}.`);
    this.#eventLog[Symbol.dispose]();
    await this.#dispatcher.reportStopped(exitStatus);
  }
}
