/**
 * Serving one host: reading its lines, handing them to the dispatcher, sending the answers.
 *
 * @module
 */

import { Aborted } from "../base/waiting.ts";
import { invalidRequest, parseError } from "../base/errors.ts";
import { countTraffic } from "../base/memory/garbage.ts";
import type { Log } from "../log/logger.ts";
import { messageOf } from "../base/message_of.ts";
import type { Dispatcher } from "../core/executor.ts";
import { notificationText, type Part } from "../dialects/jsonrpc/messages.ts";
import type { Connection } from "./channel.ts";
import { HostLink } from "./host_link.ts";
import { LineSplitter } from "../dialects/jsonrpc/line_splitter.ts";
import { MessageWriter } from "./message_writer.ts";

const READ_BUFFER_BYTES = 64 * 1024;
/** How long to wait before looking for a host again, first and at most. */
const AWAY_MS = { first: 100, most: 1000 } as const;
/** A read that has not come back by then waits for a host that is there, and silent. */
const PARKED_MS = 50;

/** What a session needs to know. */
export interface SessionOptions {
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  /** Bytes that a line may have; looked at anew for each piece that is read. */
  readonly limitBytes: number;
  /** The parameters of `agent_ready`, or `undefined` where it is not sent. */
  readonly ready: Readonly<Record<string, unknown>> | undefined;
  /** Aborted when the agent stops: no more is read then. */
  readonly signal: AbortSignal;
  /** Told of this host, for whoever has something to say to it. */
  readonly link?: HostLink;
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
  const { dispatcher, log, ready, signal, link = new HostLink() } = options;
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
  const splitter = new LineSplitter(options.limitBytes, {
    onLine: (line) => track(dispatcher.handle(line, send)),
    onTooLong: () => {
      const reason = "the line is over max_message_size_kb, the rest of it is thrown away";
      dispatcher.refuse(invalidRequest(reason, { limit_bytes: splitter.limit }), send);
    },
    onNotUtf8: () => dispatcher.refuse(parseError("the line is not UTF-8"), send),
  });
  if (ready !== undefined) void send(notificationText("agent_ready", ready));
  link.open(writer);

  // Not interrupted but left behind on a stop: a read parked in the kernel cannot be taken back.
  {
    const stopped = new Aborted(signal);
    using _stopped = stopped;
    const reading = readAll(connection, splitter, writer, options, link);
    await Promise.race([reading, stopped.happened, broken.promise]);
  }
  link.close(writer);

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
  options: SessionOptions,
  link: HostLink,
): Promise<void> {
  const { log, signal } = options;
  const buffer = new Uint8Array(READ_BUFFER_BYTES);
  let awayMs: number = AWAY_MS.first;
  try {
    for (;;) {
      const read = await readNoting(connection, buffer, link);
      if (signal.aborted) return;
      if (read !== null && read > 0) {
        awayMs = AWAY_MS.first;
        link.countReceived(read);
        splitter.limit = options.limitBytes;
        splitter.push(buffer.subarray(0, read));
        // The bytes stay; what is garbage is the text that most of them became.
        countTraffic(read / 2);
        // A host that does not read its answers is not read from either.
        while (writer.isCongested) await writer.flush();
        continue;
      }
      if (connection.atEndOfFile === "over") return;
      link.hostLeft();
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

/** Reads; where the host was away, tells the link that it is back, be it silent. */
async function readNoting(
  connection: Connection,
  buffer: Uint8Array,
  link: HostLink,
): Promise<number | null> {
  if (!link.isHostAway) return await connection.read(buffer);
  const timer = setTimeout(() => link.hostCame(), PARKED_MS);
  try {
    const read = await connection.read(buffer);
    if (read !== null && read > 0) link.hostCame();
    return read;
  } finally {
    clearTimeout(timer);
  }
}
