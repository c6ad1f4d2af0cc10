/**
 * Checks of the virtio-serial port.
 *
 * @module
 */

import { sleep } from "../../../lib/base/timer.ts";
import { hasHost, isMissing, openPort } from "../../../lib/platform/windows/channel/port.ts";
import { STATUS } from "../../../lib/platform/windows/ffi/ntdll.ts";
import { OverlappedHandle } from "../../../lib/platform/windows/overlapped.ts";
import { type Check, requireThat, Unknown } from "./check.ts";

/** A notification that no host knows, so that it is ignored. */
const MESSAGE = new TextEncoder().encode('{"jsonrpc":"2.0","method":"selfcheck"}\n');
/** How long a read is left waiting. */
const WAIT_MS = 300;

function open(path: string): OverlappedHandle {
  const port = openPort(path);
  if (port instanceof OverlappedHandle) return port;
  throw new Unknown(
    isMissing(port)
      ? `there is no port ${path}`
      : `${path}: ${port.message}; stop the service that has it open`,
  );
}

async function withPort<Found>(
  path: string,
  use: (port: OverlappedHandle) => Found | Promise<Found>,
): Promise<Found> {
  const port = open(path);
  try {
    return await use(port);
  } finally {
    await port.close();
  }
}

const hex = (status: number) => `0x${status.toString(16)}`;

/** Writes while a read waits, and cancels the read. */
async function bothWays(port: OverlappedHandle): Promise<string> {
  if (hasHost(port.handle) === false) throw new Unknown("no host is connected to the port");
  let isReading = true;
  const reading = port.read(new Uint8Array(4096)).finally(() => isReading = false);
  await sleep(WAIT_MS);
  if (!isReading) throw new Unknown("the host is sending; disconnect its program");
  const { status } = await port.write(MESSAGE);
  requireThat(status === STATUS.SUCCESS, `the write ended with status ${hex(status)}`);
  requireThat(isReading, "the write ended the read");
  port.cancel();
  const { status: ended } = await reading;
  requireThat(ended === STATUS.CANCELLED, `the cancelled read ended with status ${hex(ended)}`);
  return "written while a read waited, and the read cancelled";
}

/** What the port says while no host is connected. */
async function withoutHost(port: OverlappedHandle): Promise<string> {
  if (hasHost(port.handle) !== false) throw new Unknown("no port without a host");
  const read = await port.read(new Uint8Array(4096));
  requireThat(
    read.status === STATUS.INSUFFICIENT_RESOURCES,
    `a read ended with status ${hex(read.status)}`,
  );
  const write = await port.write(MESSAGE);
  requireThat(
    write.status === STATUS.CANT_WAIT,
    `a write ended with status ${hex(write.status)}`,
  );
  return `reads end with ${hex(read.status)}, writes with ${hex(write.status)}`;
}

/**
 * The checks.
 *
 * @param path The port, which nobody else must have open.
 */
export const portChecks = (path: string): readonly Check[] => [
  {
    name: "the port's driver tells whether a host is connected",
    run: () =>
      withPort(path, ({ handle }) => {
        const answer = hasHost(handle);
        if (answer === undefined) throw new Unknown(`${path} is no virtio-serial port`);
        return answer ? "a host is connected" : "no host is connected";
      }),
  },
  {
    name: "the port writes while a read waits, and a read can be cancelled",
    run: () => withPort(path, bothWays),
  },
  {
    name: "a port without a host refuses reads and writes at once",
    run: () => withPort(path, withoutHost),
  },
];
