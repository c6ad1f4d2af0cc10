/**
 * The service's side of the service control manager.
 *
 * The manager calls two functions of ours on threads of its own; Deno runs them on the agent's
 * thread. Waiting for the manager takes one thread for as long as the service runs.
 *
 * Source: "Service Programs" and "Service Control Handler Function", Microsoft Learn.
 *
 * @module
 */

import { sleep } from "../../../base/timer.ts";
import { services, type StatusHandle } from "../ffi/services.ts";
import { wide } from "../ffi/wide.ts";
import { lastError } from "../ffi/windows_error.ts";

const SERVICE_WIN32_OWN_PROCESS = 0x10;
/** States of a service (winsvc.h). */
export const STATE = { stopped: 1, startPending: 2, stopPending: 3, running: 4 } as const;
/** Controls of a service (winsvc.h). */
export const CONTROL = {
  stop: 1,
  interrogate: 4,
  shutdown: 5,
  paramchange: 6,
  preshutdown: 15,
} as const;
/** SERVICE_ACCEPT_STOP, _SHUTDOWN, _PARAMCHANGE and _PRESHUTDOWN. */
const ACCEPTED = 0x1 | 0x4 | 0x8 | 0x100;
const STATUS_WORDS = 7;
const ERROR_CALL_NOT_IMPLEMENTED = 120;
const ERROR_SERVICE_SPECIFIC_ERROR = 1066;
/** How long a start or stop may take until the manager counts it as hung. */
const WAIT_HINT_MS = 15_000;

const HANDLER = {
  parameters: ["u32", "u32", "pointer", "pointer"],
  result: "u32",
} as const satisfies Deno.UnsafeCallbackDefinition;
const MAIN = {
  parameters: ["u32", "pointer"],
  result: "void",
} as const satisfies Deno.UnsafeCallbackDefinition;

/** What the manager's controls do. */
export interface ControlActions {
  /** @param by What asked for it. */
  stop(by: string): void;
  /** `sc control KVMManagerAgent paramchange`. */
  reload(): void;
}

const STOPPING: ReadonlyMap<number, string> = new Map([
  [CONTROL.stop, "the service manager"],
  [CONTROL.shutdown, "the system's shutdown"],
  [CONTROL.preshutdown, "the system's shutdown"],
]);

/** The connection of a service to the manager that has started it. */
export class Dispatcher {
  readonly #started = Promise.withResolvers<boolean>();
  readonly #name: Uint16Array<ArrayBuffer>;
  readonly #handler = Deno.UnsafeCallback.threadSafe(HANDLER, (control) => this.#handle(control));
  readonly #main = Deno.UnsafeCallback.threadSafe(MAIN, () => this.#start());
  readonly #table: BigUint64Array<ArrayBuffer>;
  readonly #ended: Promise<void>;
  #status: StatusHandle | null = null;
  #state: number = STATE.startPending;
  #actions: ControlActions | undefined;
  /** What asked for the end before there was anything to end. */
  #stoppedBy: string | undefined;

  /** @param name The service's. */
  constructor(name: string) {
    this.#name = wide(name);
    this.#table = new BigUint64Array([
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#name)),
      Deno.UnsafePointer.value(this.#main.pointer),
      0n,
      0n,
    ]);
    this.#ended = services.StartServiceCtrlDispatcherW(this.#table).then((isService) => {
      if (isService === 0) this.#started.resolve(false);
    });
  }

  /** Whether the service manager has started this process. */
  get isService(): Promise<boolean> {
    return this.#started.promise;
  }

  /** Registers what the manager's controls do. */
  onControl(actions: ControlActions): void {
    this.#actions = actions;
    if (this.#stoppedBy !== undefined) actions.stop(this.#stoppedBy);
  }

  /** Tells the manager that the service runs. */
  reportRunning(): void {
    if (this.#state === STATE.startPending) this.#report(STATE.running);
  }

  /**
   * Tells the manager that the service has stopped; the process may end from then on.
   *
   * @param exitStatus Other than 0, the service has failed, and a restart would not change that.
   */
  async reportStopped(exitStatus: number): Promise<void> {
    // The handler of the control that stops it has to return first.
    await sleep(0);
    this.#report(STATE.stopped, exitStatus);
    await this.#ended;
    this.#handler.close();
    this.#main.close();
  }

  #start(): void {
    this.#status = services.RegisterServiceCtrlHandlerExW(
      this.#name,
      this.#handler.pointer,
      null,
    );
    if (this.#status === null) throw lastError("RegisterServiceCtrlHandlerExW");
    this.#report(STATE.startPending);
    this.#started.resolve(true);
  }

  #handle(control: number): number {
    const by = STOPPING.get(control);
    if (by !== undefined) {
      this.#report(STATE.stopPending);
      this.#stoppedBy = by;
      this.#actions?.stop(by);
      return 0;
    }
    if (control === CONTROL.interrogate) return 0;
    if (control !== CONTROL.paramchange) return ERROR_CALL_NOT_IMPLEMENTED;
    this.#actions?.reload();
    return 0;
  }

  #report(state: number, exitStatus = 0): void {
    this.#state = state;
    const isPending = state === STATE.startPending || state === STATE.stopPending;
    const status = new Uint32Array(STATUS_WORDS);
    status.set([
      SERVICE_WIN32_OWN_PROCESS,
      state,
      state === STATE.running ? ACCEPTED : 0,
      exitStatus === 0 ? 0 : ERROR_SERVICE_SPECIFIC_ERROR,
      exitStatus,
      isPending ? 1 : 0,
      isPending ? WAIT_HINT_MS : 0,
    ]);
    services.SetServiceStatus(this.#status, status);
  }
}
