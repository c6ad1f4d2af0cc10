/**
 * Serving one host: reading its lines, handing them to the dispatcher, sending the answers.
 *
 * @module
 */

import { Aborted } from "../abort.ts";
import { invalidRequest, parseError } from "../errors.ts";
import { countTraffic } from "../garbage.ts";
import type { Log } from "../log/logger.ts";
import { messageOf } from "../message_of.ts";
import type { Dispatcher } from "../rpc/dispatcher.ts";
import { notificationText, type Part } from "../rpc/messages.ts";
import type { Connection } from "./channel.ts";
import { LineSplitter } from "./line_splitter.ts";
import { MessageWriter } from "./message_writer.ts";

const READ_BUFFER_BYTES = 64 * 1024;
/** How long to wait before looking for a host again, first and at most. */
const AWAY_MS = { first: 100, most: 1000 } as const;

/** What a session needs to know. */
export interface SessionOptions {
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  /** Bytes that a line may have. */
  readonly limitBytes: number;
  /** The parameters of `agent_ready`, or `undefined` where it is not sent. */
  readonly ready: Readonly<Record<string, unknown>> | undefined;
  /** Aborted when the agent stops: no more is read then. */
  readonly signal: AbortSignal;
}

/**
 * Serves a host until it is gone or the agent stops.
 *
 * @returns When nothing more will be read: `drained` is still under way then, the answers that the
 * host is owed. It resolves when they have left or cannot any more.
 */
export async function serve(
  connection: Connection,
  options: SessionOptions,
): Promise<{ drained: Promise<void> }> {
  const { dispatcher, log, limitBytes, ready, signal } = options;
  const broken = Promise.withResolvers<void>();
  const writer = new MessageWriter(connection, (error) => {
    log.info("the host is gone, answers are dropped", { error: messageOf(error) });
    connection.close();
    broken.resolve();
  });
  const send = (...parts: readonly Part[]) => writer.send(...parts);
  const pending = new Set<Promise<void>>();
  const track = (answered: Promise<void> | undefined) => {
    if (answered === undefined) return;
    pending.add(answered);
    void answered.finally(() => pending.delete(answered));
  };
  const splitter = new LineSplitter(limitBytes, {
    onLine: (line) => track(dispatcher.handle(line, send)),
    onTooLong: () => {
      const reason = "the line is over max_message_size_kb, the rest of it is thrown away";
      dispatcher.refuse(invalidRequest(reason, { limit_bytes: limitBytes }), send);
    },
    onNotUtf8: () => dispatcher.refuse(parseError("the line is not UTF-8"), send),
  });
  if (ready !== undefined) void send(notificationText("agent_ready", ready));

  // Not interrupted but left behind on a stop: a read parked in the kernel cannot be taken back.
  {
    const stopped = new Aborted(signal);
    using _stopped = stopped;
    const reading = readAll(connection, splitter, writer, log, signal);
    await Promise.race([reading, stopped.happened, broken.promise]);
  }

  const drain = async () => {
    while (pending.size > 0) await Promise.all(pending);
    await writer.flush();
    connection.close();
  };
  return { drained: drain() };
}

async function readAll(
  connection: Connection,
  splitter: LineSplitter,
  writer: MessageWriter,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  let awayMs: number = AWAY_MS.first;
  try {
    for (;;) {
      const read = await connection.read(buffer);
      if (signal.aborted) return;
      if (read !== null && read > 0) {
        awayMs = AWAY_MS.first;
        splitter.push(buffer.subarray(0, read));
        countTraffic(read);
        // A host that does not read its answers is not read from either.
        while (writer.isCongested) await writer.flush();
        continue;
      }
      if (connection.atEndOfFile === "over") return;
      // Whoever wrote half a line is gone; the next host begins anew.
      splitter.reset();
      await new Promise((resolve) => setTimeout(resolve, awayMs));
      awayMs = Math.min(awayMs * 2, AWAY_MS.most);
    }
  } catch (error) {
    if (!signal.aborted) {
      log.info("the connection to the host has ended", { error: messageOf(error) });
    }
  }
}
