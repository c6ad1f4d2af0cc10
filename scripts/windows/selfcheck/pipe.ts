/**
 * Checks of the command monitor's named pipe.
 *
 * @module
 */

import { ListenError } from "../../../lib/channel/channel.ts";
import type { CommandListener } from "../../../lib/monitor/listener.ts";
import { isHandle } from "../../../lib/platform/windows/ffi/handle.ts";
import { kernel32 } from "../../../lib/platform/windows/ffi/kernel32.ts";
import { wide } from "../../../lib/platform/windows/ffi/wide.ts";
import { ERROR, lastError } from "../../../lib/platform/windows/ffi/windows_error.ts";
import { listenOnPipe } from "../../../lib/platform/windows/monitor_pipe.ts";
import { type Check, Failed, requireThat, Unknown } from "./check.ts";
import { accessListText } from "./security.ts";

const NAME = `kvmmanager-selfcheck-${Deno.pid}`;
const OPTIONS = {
  pipe_path: `\\\\.\\pipe\\${NAME}`,
  pipe_mode: "0777",
  pipe_group: null,
} as const;
const OPEN_EXISTING = 3;
const READ_CONTROL = 0x2_0000;
/** Windows stores full access to a file for full access, in general; Wine keeps the latter. */
const withoutGeneric = (list: string) => list.replaceAll(";GA;", ";FA;");
/** For the system, administrators, and, without creating instances, everybody who has logged on. */
const WANTED = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x12019b;;;AU)";

/** Opens the pipe as a client. */
function open(path: string): Deno.PointerObject<"HANDLE"> {
  const client = kernel32.CreateFileW(wide(path), READ_CONTROL, 0, null, OPEN_EXISTING, 0, null);
  if (!isHandle(client)) throw lastError("CreateFileW");
  return client;
}

async function whileListening<Found>(
  use: (listener: CommandListener) => Found | Promise<Found>,
): Promise<Found> {
  const listener = await listenOnPipe(OPTIONS);
  const accepting = listener.accept();
  try {
    return await use(listener);
  } finally {
    listener.close();
    (await accepting)?.close();
  }
}

/** The checks. */
export const PIPE_CHECKS: readonly Check[] = [
  {
    name: "no other process can have a pipe of the same name",
    run: () =>
      whileListening(async () => {
        try {
          (await listenOnPipe(OPTIONS)).close();
        } catch (error) {
          if (error instanceof ListenError) return error.message;
          throw error;
        }
        throw new Failed("a second pipe of this name was created");
      }),
  },
  {
    name: "the pipe has the configured access control list",
    run: () =>
      whileListening(() => {
        const client = open(OPTIONS.pipe_path);
        const list = accessListText(client);
        kernel32.CloseHandle(client);
        requireThat(withoutGeneric(list) === WANTED, `${list} instead of ${WANTED}`);
        return list;
      }),
  },
  {
    name: "the pipe refuses clients from the network",
    run: () =>
      whileListening(() => {
        const client = kernel32.CreateFileW(
          wide(`\\\\127.0.0.1\\pipe\\${NAME}`),
          READ_CONTROL,
          0,
          null,
          OPEN_EXISTING,
          0,
          null,
        );
        if (isHandle(client)) {
          kernel32.CloseHandle(client);
          throw new Failed("a client connected through 127.0.0.1");
        }
        const error = lastError("CreateFileW");
        if (error.code === ERROR.ACCESS_DENIED) return error.message;
        throw new Unknown(`this machine shares no pipes with the network: ${error.message}`);
      }),
  },
];
