/**
 * The command monitor's named pipe.
 *
 * @module
 */

import { messageOf } from "../../base/message_of.ts";
import { ListenError } from "../../channel/channel.ts";
import type { Config } from "../../config/schema.ts";
import type { CommandConnection, CommandListener } from "../../monitor/listener.ts";
import { accountSid } from "./account_sid.ts";
import { isHandle } from "./ffi/handle.ts";
import { kernel32 } from "./ffi/kernel32.ts";
import { STATUS } from "./ffi/ntdll.ts";
import { wide } from "./ffi/wide.ts";
import { ERROR, lastError } from "./ffi/windows_error.ts";
import { OverlappedHandle } from "./overlapped.ts";
import { PipeConnection } from "./pipe.ts";
import { SecurityAttributes } from "./security_attributes.ts";

const PIPE_ACCESS_DUPLEX = 0x3;
const FILE_FLAG_OVERLAPPED = 0x4000_0000;
const FILE_FLAG_FIRST_PIPE_INSTANCE = 0x0008_0000;
/** PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_REJECT_REMOTE_CLIENTS. */
const MESSAGES_OF_LOCAL_CLIENTS = 0x4 | 0x2 | 0x8;
const PIPE_UNLIMITED_INSTANCES = 255;
const BUFFER_BYTES = 4096;

/**
 * What a client may do: read, and write what is there. Not FILE_CREATE_PIPE_INSTANCE, which is a
 * part of GENERIC_WRITE: with it a client could be the server of the next one.
 */
const CLIENT_ACCESS = "0x12019b";

/** Read and write, in a digit of an octal mode. */
const READ_WRITE = 0o6;

type PipeOptions = Pick<Config["command_monitor"], "pipe_path" | "pipe_mode" | "pipe_group">;

/**
 * Who may connect, in the Security Descriptor Definition Language: the system and administrators,
 * the group if `pipe_mode` lets it read and write, and everybody who has logged on if it lets others.
 *
 * @param groupSid The group's SID as text.
 */
export function pipeSecurity(mode: string, groupSid: string | undefined): string {
  const [, group = 0, others = 0] = mode.slice(-3).split("").map(Number);
  const mayUse = (bits: number) => (bits & READ_WRITE) === READ_WRITE;
  const client = (who: string) => `(A;;${CLIENT_ACCESS};;;${who})`;
  return "D:P(A;;GA;;;SY)(A;;GA;;;BA)" +
    (groupSid !== undefined && mayUse(group) ? client(groupSid) : "") +
    (mayUse(others) ? client("AU") : "");
}

/**
 * Creates the pipe.
 *
 * @throws {ListenError} if another process has it, or it cannot be created.
 */
export function listenOnPipe(options: PipeOptions): Promise<CommandListener> {
  const { pipe_path: path, pipe_mode, pipe_group } = options;
  try {
    const sid = pipe_group === null ? undefined : accountSid(pipe_group);
    const security = new SecurityAttributes(pipeSecurity(pipe_mode, sid));
    return Promise.resolve(new PipeListener(path, security));
  } catch (error) {
    return Promise.reject(new ListenError(`cannot create the pipe ${path}: ${messageOf(error)}`));
  }
}

class PipeListener implements CommandListener {
  readonly path: string;
  readonly #security: SecurityAttributes;
  /** What the next client connects to. There is always one, so the name stays ours. */
  #next: OverlappedHandle;
  #isClosed = false;

  constructor(path: string, security: SecurityAttributes) {
    this.path = path;
    this.#security = security;
    this.#next = this.#create(FILE_FLAG_FIRST_PIPE_INSTANCE);
  }

  async accept(): Promise<CommandConnection | undefined> {
    while (!this.#isClosed) {
      const pipe = this.#next;
      const status = await pipe.acceptClient();
      if (this.#isClosed) break;
      this.#next = this.#create(0);
      if (status === STATUS.SUCCESS) return new PipeConnection(pipe);
      // The client has already gone.
      void pipe.close();
    }
    return undefined;
  }

  isInPlace(): Promise<boolean> {
    return Promise.resolve(true);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void this.#next.close();
    this.#security.free();
  }

  #create(flags: number): OverlappedHandle {
    const handle = kernel32.CreateNamedPipeW(
      wide(this.path),
      PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | flags,
      MESSAGES_OF_LOCAL_CLIENTS,
      PIPE_UNLIMITED_INSTANCES,
      BUFFER_BYTES,
      BUFFER_BYTES,
      0,
      this.#security.bytes,
    );
    if (isHandle(handle)) return new OverlappedHandle(handle);
    const error = lastError("CreateNamedPipeW");
    if (flags !== 0 && (error.code === ERROR.ACCESS_DENIED || error.code === ERROR.PIPE_BUSY)) {
      throw new Error("another process already has a pipe of this name");
    }
    throw error;
  }
}
