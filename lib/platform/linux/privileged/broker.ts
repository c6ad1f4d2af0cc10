/**
 * The broker: performs one operation as root, which the agent has asked for on its standard input.
 *
 * It believes nothing that the agent says: it reads the configuration itself, checks the group and
 * the parameters again, and keeps a record.
 *
 * @module
 */

import {
  commandFailed,
  internalError,
  invalidRequest,
  permissionDenied,
  type RpcError,
  toRpcError,
} from "../../../base/errors.ts";
import { jsonLine } from "../../../base/json_line.ts";
import { messageOf, stackOf } from "../../../base/message_of.ts";
import { withTimer } from "../../../base/waiting.ts";
import { ConfigError, DEFAULT_CONFIG_PATH, loadConfig } from "../../../config/load.ts";
import type { Config } from "../../../config/schema.ts";
import { requireGroup } from "../../../policy/groups.ts";
import { LineReader } from "../../../privileged/line_reader.ts";
import {
  type BrokerAnswer,
  type BrokerRequest,
  CANCEL,
  errorAnswer,
  lineOf,
  MAX_MESSAGE_BYTES,
  parseRequest,
} from "../../../privileged/messages.ts";
import type { Operation } from "../../../privileged/operation.ts";
import { sendSignalsBy } from "../processes/process_group.ts";
import { runBackgroundProgram } from "./background_program.ts";
import { signalGroupByLibc } from "./signals.ts";
import { FreezeHooks } from "./freeze_hooks.ts";
import { FreezeSession, RUNTIME_DIRECTORY } from "./freeze_session.ts";
import { KeptTexts } from "./kept_texts.ts";
import { HeldRecords } from "./held_records.ts";
import { refusePeer } from "./peer.ts";
import { isInstalled } from "../programs.ts";
import { readBlockMounts, runProgram, signalProcess, systemProcesses } from "./root_tools.ts";
import { distrust } from "./trusted_file.ts";
import { writeAll } from "../../../base/write_all.ts";
import { utcTime } from "../../../base/utc_time.ts";

/** A peer that sends nothing must not keep a process of root. */
const REQUEST_MS = 10_000;

/** The connection to the agent. */
export interface BrokerConnection {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** How the broker was started. */
export interface BrokerOptions {
  /** The configuration; the default file if `undefined`. */
  readonly configFile: string | undefined;
  /** The instance name of the unit, which names the peer; `undefined` for a child of the agent. */
  readonly peer: string | undefined;
  readonly operations: readonly Operation[];
  /** Where brokers find each other. @default {"/run/kvmmanager-agent-privileged"} */
  readonly directory?: string | undefined;
  /** @default {"/etc/kvmmanager-agent/freeze.d"} */
  readonly hookDirectory?: string | undefined;
  /** Writes a line of the record. */
  readonly record: (line: string) => void;
}

/** Serves one request and, if that has frozen file systems, stays until they are thawed. */
export async function serveBroker(
  connection: BrokerConnection,
  options: BrokerOptions,
): Promise<void> {
  sendSignalsBy(signalGroupByLibc);
  const broker = new Broker(connection, options);
  await broker.serve();
}

class Broker {
  readonly #connection: BrokerConnection;
  readonly #options: BrokerOptions;
  readonly #lines: LineReader;
  readonly #cancelled = new AbortController();
  readonly #records: HeldRecords;
  readonly #session: FreezeSession;
  /** How many programs were run in the background. */
  #background = 0;
  /** Messages are sent in order. */
  #sending = Promise.resolve();

  constructor(connection: BrokerConnection, options: BrokerOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#lines = new LineReader(connection, MAX_MESSAGE_BYTES);
    this.#records = new HeldRecords(options.record);
    this.#session = new FreezeSession({
      directory: options.directory ?? RUNTIME_DIRECTORY,
      hooks: new FreezeHooks(options.hookDirectory),
      mounts: () => readBlockMounts(this.#signal),
      cancelled: this.#signal,
      onChange: (isFrozen) => this.#records.isHeld = isFrozen,
    });
  }

  get #signal(): AbortSignal {
    return this.#cancelled.signal;
  }

  async serve(): Promise<void> {
    const first = this.#nextWithin(REQUEST_MS);
    // The agent closes the connection to cancel the request. What runs in the background goes on
    // without the agent, which it may be replacing, and needs to be told.
    const next = first.then(() => this.#next());
    void next.then((line) => {
      const isCancel = line !== undefined && parseRequest(line)?.operation === CANCEL;
      if (!isCancel && (line !== undefined || this.#background > 0)) return;
      this.#cancelled.abort(commandFailed("the agent has cancelled the request"));
    });
    await this.#send(
      await this.#answer(async () => this.#perform(await this.#accept(await first))),
    );
    if (this.#session.isHeld) await this.#stay(next);
  }

  /** While file systems are frozen, nothing here may read or write a file or start a program. */
  async #stay(next: Promise<string | undefined>): Promise<void> {
    if (this.#signal.aborted) this.#session.agentGone(true);
    let answering = Promise.resolve();
    void (async () => {
      for (let line = await next; line !== undefined; line = await this.#next()) {
        const request = parseRequest(line);
        answering = this.#answer(() => this.#aboutFreeze(request?.operation))
          .then((answer) => this.#send(answer));
        await answering;
      }
      this.#session.agentGone(false);
    })();
    const { thawed, problems, ended_by } = await this.#session.ended;
    this.#record("thawed", { ended_by, thawed, problems });
    await answering;
    if (ended_by !== null && ended_by !== "request") await this.#send({ thawed: ended_by });
  }

  async #aboutFreeze(operation: string | undefined): Promise<unknown> {
    if (operation !== "fs_thaw" && operation !== "fs_freeze_status") {
      throw commandFailed(
        "file systems are frozen; only fs_thaw and fs_freeze_status are possible",
      );
    }
    if (operation === "fs_freeze_status") return await this.#session.status();
    return await this.#session.thaw();
  }

  async #answer(work: () => Promise<unknown>): Promise<BrokerAnswer> {
    try {
      return { result: await work() };
    } catch (thrown) {
      return errorAnswer(this.#explained(thrown));
    }
  }

  #explained(thrown: unknown): RpcError {
    const error = toRpcError(thrown);
    if (error !== undefined) return error;
    this.#record("fault", { error: stackOf(thrown) });
    return internalError("internal error of the broker; see its log");
  }

  #record(event: string, fields: Readonly<Record<string, unknown>>): void {
    this.#records.write(jsonLine({ time: utcTime(), event, ...fields }));
  }

  /** The next line; `undefined` at the end of the connection, or if it cannot be read. */
  async #next(): Promise<string | undefined> {
    try {
      return await this.#lines.next();
    } catch {
      return undefined;
    }
  }

  async #nextWithin(milliseconds: number): Promise<string | undefined> {
    let line: string | undefined;
    await withTimer(milliseconds, this.#next().then((next) => line = next));
    return line;
  }

  /** Makes sure that a request comes from the agent. */
  async #accept(text: string | undefined): Promise<BrokerRequest> {
    const { peer } = this.#options;
    const refusal = peer === undefined
      ? undefined
      : await refusePeer(peer, systemProcesses(this.#signal));
    if (refusal !== undefined) {
      this.#record("refused", { reason: refusal });
      throw permissionDenied(`only the agent may use the broker: ${refusal}`);
    }
    const request = text === undefined ? undefined : parseRequest(text);
    if (request === undefined) throw invalidRequest("this is not a request to the broker");
    return request;
  }

  /** Checks a request, performs it and records both. */
  async #perform({ operation: name, params, sent_at_ms }: BrokerRequest): Promise<unknown> {
    const { configFile, operations } = this.#options;
    const operation = operations.find((known) => known.name === name);
    if (operation === undefined) throw invalidRequest(`no operation ${JSON.stringify(name)}`);
    const start = performance.now();
    const elapsed = () => Math.round(performance.now() - start);
    let about: Readonly<Record<string, unknown>> = { operation: name, target: {} };
    try {
      const config = await trustedConfig(configFile);
      const file = configFile ?? DEFAULT_CONFIG_PATH;
      requireGroup(name, operation.group, config.security.allow, file);
      const prepared = operation.prepare(params);
      about = { operation: name, target: prepared.target };
      this.#record("begin", about);
      const signal = this.#signal;
      const texts = new KeptTexts(this.#options.directory ?? RUNTIME_DIRECTORY);
      await using _texts = texts;
      const result = await prepared.run({
        config,
        signal,
        sinceSentMs: () => Date.now() - sent_at_ms,
        has: isInstalled,
        run: (program, args, options) => runProgram(program, args, signal, options),
        runInBackground: (program, args, { env } = {}) =>
          runBackgroundProgram(program, args, {
            env,
            unit: `kvmmanager-agent-${name}-${Deno.pid}-${++this.#background}.service`
              .replaceAll("_", "-"),
            onStarted: (pid) => this.#send({ started: { pid } }),
            onOutput: (stream, bytes) => this.#send({ stream, base64: bytes.toBase64() }),
            signal,
          }),
        signalProcess: (process, name, mayReach) => signalProcess(process, name, mayReach, signal),
        keepText: (text) => texts.keep(text),
        tell: (line) =>
          this.#send({
            stream: "stdout",
            base64: new TextEncoder().encode(`${line}\n`).toBase64(),
          }),
        mounts: () => readBlockMounts(signal),
        freezing: this.#session,
      });
      this.#record("end", { ...about, outcome: "ok", ms: elapsed() });
      return result;
    } catch (thrown) {
      const { code, data } = this.#explained(thrown);
      // Without the refused value, which may be secret.
      const reason = data.reason.replace(/, received .*$/s, "");
      this.#record("end", { ...about, outcome: "error", code, reason, ms: elapsed() });
      throw thrown;
    }
  }

  /** Sends a message. An agent that has gone is not an error. */
  #send(message: BrokerAnswer): Promise<void> {
    return this.#sending = this.#sending.then(() => this.#write(message));
  }

  async #write(message: BrokerAnswer): Promise<void> {
    let bytes = lineOf(message);
    if (bytes.byteLength > MAX_MESSAGE_BYTES) {
      bytes = lineOf(errorAnswer(commandFailed("the result is too large")));
    }
    try {
      await writeAll(this.#connection, bytes);
    } catch {
      // EPIPE
    }
  }
}

/**
 * The configuration, if only root can have written it.
 *
 * @throws {RpcError} -32001 if another user could have, -32000 if it is invalid.
 */
async function trustedConfig(file: string | undefined): Promise<Config> {
  try {
    const { config, source } = await loadConfig(file);
    const doubt = source === "defaults" ? undefined : await distrust(source);
    if (doubt === undefined) return config;
    throw permissionDenied(
      `the broker does not trust the configuration: ${doubt}; give it to root, writable by nobody ` +
        "else",
      { config: source },
    );
  } catch (error) {
    if (error instanceof ConfigError) {
      throw commandFailed(`the broker cannot use the configuration: ${messageOf(error)}`);
    }
    throw error;
  }
}
