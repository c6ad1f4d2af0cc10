/**
 * A job object: everything in it ends together.
 *
 * @module
 */

import { type Handle, isHandle } from "../ffi/handle.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { lastError } from "../ffi/windows_error.ts";
import { LIMIT, setJobLimits } from "./job_limits.ts";

const PROCESS_SET_QUOTA_AND_TERMINATE = 0x101;

/** A job object. Until it is released, its processes end when the agent does, however that ends. */
export class JobObject {
  readonly #handle: Handle;
  #isOpen = true;

  /** @throws {WindowsError} if there are no resources for one. */
  constructor() {
    const handle = kernel32.CreateJobObjectW(null, null);
    if (!isHandle(handle)) throw lastError("CreateJobObjectW");
    this.#handle = handle;
    setJobLimits(handle, LIMIT.KILL_ON_JOB_CLOSE);
  }

  /**
   * Puts a process into it, with everything that it starts from now on. There is no way to start a
   * child suspended, so this belongs into the turn of the event loop that starts it.
   *
   * @throws {WindowsError} if it cannot be put there: it has ended, or may not be controlled.
   */
  assign(processId: number): void {
    const process = kernel32.OpenProcess(PROCESS_SET_QUOTA_AND_TERMINATE, 0, processId);
    if (!isHandle(process)) throw lastError("OpenProcess");
    const isAssigned = kernel32.AssignProcessToJobObject(this.#handle, process) !== 0;
    const error = isAssigned ? undefined : lastError("AssignProcessToJobObject");
    kernel32.CloseHandle(process);
    if (error !== undefined) throw error;
  }

  /**
   * Ends all of its processes.
   *
   * @param exitCode Theirs. Closing the handle would end them too, but as if they had succeeded.
   */
  terminate(exitCode: number): void {
    if (this.#isOpen) kernel32.TerminateJobObject(this.#handle, exitCode);
  }

  /** Lets go of it. Its processes keep running. */
  release(): void {
    if (!this.#isOpen) return;
    setJobLimits(this.#handle, 0);
    kernel32.CloseHandle(this.#handle);
    this.#isOpen = false;
  }
}
