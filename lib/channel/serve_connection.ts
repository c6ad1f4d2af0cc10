/**
 * Serves the hosts of one connection: reads their bytes, passes them to the dialect and notices
 * when hosts connect and disconnect.
 *
 * @module
 */

import { Timer } from "../base/timer.ts";
import { Aborted } from "../base/waiting.ts";
import { countHost, countReceived } from "../base/memory/garbage.ts";
import { messageOf } from "../base/message_of.ts";
import type { Log } from "../log/logger.ts";
import type { Connection } from "./channel.ts";
import type { Conversation, Dialect } from "./dialect.ts";
import { HostLink } from "./host_link.ts";
import { MessageWriter } from "./message_writer.ts";

const READ_BUFFER_BYTES = 64 * 1024;
/**
 * How long to wait before looking for a host again: first, at most, and at most while a greeting
 * waits, whose departure ends the wait.
 */
const AWAY_MS = { first: 100, most: 1000, mostAwaited: 300_000 } as const;
/** If a read takes longer than this, a host is connected and silent. */
const PARKED_MS = 50;
/**
 * A port reports through one queue that hosts come and leave, and their bytes through another: if a
 * host takes the place of another at once, its first bytes may be read before the end of file that
 * the other left behind. How long before the end of file such bytes may have come, how long after
 * it their host may be seen, and how often to look for it.
 */
const TAKEOVER_MS = { before: 250, after: 100, look: 10 } as const;

/** What serving a connection needs. */
export interface ServeOptions {
  readonly dialect: Dialect;
  readonly log: Log;
  /** Aborted when the agent stops, which ends reading. */
  readonly signal: AbortSignal;
  /** Kept up to date for senders of events. */
  readonly link?: HostLink;
}

/**
 * Serves a connection until it is over or the agent stops.
 *
 * @returns When nothing more will be read. `drained` resolves once the pending replies have been
 * sent or can no longer be sent.
 */
export async function serveConnection(
  connection: Connection,
  { dialect, log, signal, link = new HostLink() }: ServeOptions,
): Promise<{ drained: Promise<void> }> {
  const broken = Promise.withResolvers<void>();
  const writer = new MessageWriter(connection, (error) => {
    log.info("the host disconnected; dropping answers", { error: messageOf(error) });
    connection.close();
    broken.resolve();
  });
  const hosts = new Hosts(connection, writer, dialect, link);
  // On a stop the read is abandoned: a read that is blocked in the kernel cannot be interrupted.
  {
    const stopped = new Aborted(signal);
    using _stopped = stopped;
    const reading = hosts.serve().catch((error) => {
      if (signal.aborted) return;
      log.info("the connection to the host has ended", { error: messageOf(error) });
    });
    await Promise.race([reading, stopped.happened, broken.promise]);
  }
  hosts.stop();
  link.close(writer);
  const drain = async () => {
    await hosts.conversation.drained();
    // No host waits for a greeting that has not been delivered.
    if (!hosts.isAwaited) await writer.flush();
    connection.close();
  };
  return { drained: drain() };
}

/** The hosts of one connection, one after another. */
class Hosts {
  /** The conversation with the current host, or with the next one. */
  conversation: Conversation;
  readonly #connection: Connection;
  readonly #writer: MessageWriter;
  readonly #dialect: Dialect;
  readonly #link: HostLink;
  /** Whether a host was seen in this conversation: it sent something or kept the channel open. */
  #wasSeen = false;
  /** Whether the greeting for the next host has been sent or queued. */
  #isGreeted = false;
  /** Whether the greeting waits for a host to connect. */
  #isAwaited = false;
  /** The last greeting. */
  #greeting: Promise<void> | undefined;
  /** Until when the host may be seen that seems to have taken over the conversation. */
  #takeoverEndsAt: number | undefined;
  #isStopped = false;
  /** Ends the wait for a host. */
  #wake = () => {};

  constructor(connection: Connection, writer: MessageWriter, dialect: Dialect, link: HostLink) {
    this.#connection = connection;
    this.#writer = writer;
    this.#dialect = dialect;
    this.#link = link;
    this.conversation = dialect.converse(writer);
    link.open(this.conversation, writer);
    this.#greet();
  }

  /** Whether no host is connected and the greeting waits for one. */
  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  /** Reads until the connection is over; rejects if reading fails. */
  async serve(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    let awayMs: number = AWAY_MS.first;
    while (!this.#isStopped) {
      const read = await (this.#wasSeen ? this.#connection.read(buffer) : this.#firstRead(buffer));
      if (this.#isStopped) return;
      if (read !== null && read > 0) {
        awayMs = AWAY_MS.first;
        this.#link.countReceived(read);
        this.conversation.onBytes(buffer.subarray(0, read));
        countReceived(read);
        // Even if there is nothing to wait for: answers leave before the next read is begun.
        await this.conversation.ready?.();
        // A host that does not read its answers is not read from either.
        while (this.#writer.isCongested) await this.#writer.flush();
        continue;
      }
      if (this.#connection.atEndOfFile === "over") return;
      this.#noHost();
      if (this.#takeoverEndsAt !== undefined) {
        await this.#hostMayHaveCome(TAKEOVER_MS.look);
        continue;
      }
      await this.#hostMayHaveCome(awayMs);
      awayMs = Math.min(awayMs * 2, this.#isAwaited ? AWAY_MS.mostAwaited : AWAY_MS.most);
    }
  }

  /** Stops reading. */
  stop(): void {
    this.#isStopped = true;
    this.#endTakeover();
    this.#wake();
  }

  /** Reads while no host was seen. If the read stays blocked, a host is connected but silent. */
  async #firstRead(buffer: Uint8Array): Promise<number | null> {
    const timer = new Timer(PARKED_MS, () => this.#hostSeen());
    try {
      const read = await this.#connection.read(buffer);
      if (read !== null && read > 0) this.#hostSeen();
      return read;
    } finally {
      timer.stop();
    }
  }

  #hostSeen(): void {
    if (!this.#wasSeen) countHost();
    this.#wasSeen = true;
    this.#endTakeover();
    this.#link.hostCame();
    if (!this.#isGreeted) this.#greet();
  }

  /** End of file was read: no host is connected, or it has just disconnected. */
  #noHost(): void {
    const now = performance.now();
    if (this.#takeoverEndsAt !== undefined) {
      if (now >= this.#takeoverEndsAt) this.#noTakeover();
    } else if (this.#wasSeen) {
      this.#wasSeen = false;
      if (this.conversation.isTakenOverSince(now - TAKEOVER_MS.before)) {
        this.#takeoverEndsAt = now + TAKEOVER_MS.after;
        this.#link.hostLeft(this.conversation);
        this.#writer.hold(() => this.#greet());
        return;
      }
      this.conversation.abandon();
      this.#writer.discard();
      this.#converse();
      this.#greet();
    } else {
      this.#link.hostLeft(this.conversation);
      // A host received the greeting and left without sending anything; greet the next one as well.
      if (!this.#isAwaited) this.#isGreeted = false;
    }
  }

  #converse(): void {
    this.conversation = this.#dialect.converse(this.#writer);
    this.#link.hostLeft(this.conversation);
  }

  /** A host is there that seems to have taken over the conversation: it gets its answers. */
  #endTakeover(): void {
    if (this.#takeoverEndsAt === undefined) return;
    this.#takeoverEndsAt = undefined;
    this.#writer.release();
  }

  /** No host is there: what seemed to come from a second one came from the one that left. */
  #noTakeover(): void {
    this.#takeoverEndsAt = undefined;
    this.conversation.abandon();
    this.#writer.dropHeld();
    this.#converse();
  }

  /**
   * Sends the greeting. While no host is connected, a write blocks in the kernel (virtio_console),
   * so once the greeting has been written, a host has connected.
   */
  #greet(): void {
    this.#isGreeted = true;
    const greeting = this.#greeting = this.conversation.greet();
    if (greeting === undefined) return;
    this.#isAwaited = true;
    void greeting.then(() => {
      if (greeting !== this.#greeting) return;
      this.#isAwaited = false;
      if (this.#takeoverEndsAt !== undefined) this.#hostSeen();
      this.#wake();
    });
  }

  /** Resolves once the greeting has been written, or after `milliseconds`. */
  async #hostMayHaveCome(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    // Not Promise.race() with the greeting's promise, which would keep a reaction for each round.
    this.#wake = resolve;
    const timer = new Timer(milliseconds, resolve, { lasting: true });
    await promise;
    timer.stop();
  }
}
