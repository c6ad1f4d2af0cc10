/**
 * Starts an agent and waits for its first answer.
 *
 * @module
 */

import { Caller } from "./caller.ts";
import type { Peer, Speech } from "./peer.ts";
import type { Scratch } from "./scratch.ts";
import { Wire } from "./wire.ts";

const CONNECT_RETRY_MS = 1;
const CONNECT_DEADLINE_MS = 10_000;

/** A connected process that has answered one ping; ended when disposed of. */
export interface Started extends AsyncDisposable {
  readonly peer: Peer;
  readonly pid: number;
  /** From the start of the process to its first answer, in milliseconds. */
  readonly startMs: number;
  readonly caller: Caller;
  readonly speech: Speech;
  readonly scratch: Scratch;
}

/** Starts a fresh process and waits for its first answer. */
export async function start(peer: Peer, scratch: Scratch): Promise<Started> {
  const socket = scratch.newPath();
  const [program, args] = await peer.command(socket);
  const startedAt = performance.now();
  const child = scratch.spawn(program, args);
  const wire = await connect(socket, child);
  const caller = new Caller(wire);
  const speech = peer.speak(caller);
  await caller.call(speech.ping);
  return {
    peer,
    pid: child.pid,
    startMs: performance.now() - startedAt,
    caller,
    speech,
    scratch,
    [Symbol.asyncDispose]: async () => {
      wire[Symbol.dispose]();
      await scratch.stop(child);
    },
  };
}

async function connect(socket: string, child: Deno.ChildProcess): Promise<Wire> {
  let ended: Deno.CommandStatus | undefined;
  void child.status.then((status) => ended = status);
  const deadline = performance.now() + CONNECT_DEADLINE_MS;
  for (;;) {
    try {
      return await Wire.connect(socket);
    } catch (error) {
      const isEarly = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.ConnectionRefused;
      if (!isEarly || performance.now() > deadline) throw error;
    }
    if (ended !== undefined) throw new Error(`it exited immediately with code ${ended.code}`);
    await new Promise((resolve) => setTimeout(resolve, CONNECT_RETRY_MS));
  }
}
