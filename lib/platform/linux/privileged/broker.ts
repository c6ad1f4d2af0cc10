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
import { printError } from "../../../base/terminal.ts";
import { withTimer } from "../../../base/waiting.ts";
import { ConfigError, DEFAULT_CONFIG_PATH, loadConfig } from "../../../config/load.ts";
import type { Config } from "../../../config/schema.ts";
import { groupRefusal, isAllowed } from "../../../policy/groups.ts";
import { LineReader } from "../../../privileged/line_reader.ts";
import {
  type BrokerAnswer,
  type BrokerRequest,
  errorAnswer,
  lineOf,
  MAX_MESSAGE_BYTES,
  parseRequest,
} from "../../../privileged/messages.ts";
import type { Operation, Root } from "../../../privileged/operation.ts";
import { refusePeer } from "./peer.ts";
import { readBlockMounts, runProgram, systemProcesses } from "./root_tools.ts";
import { distrust } from "./trusted_file.ts";

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
  /** Writes a line of the record. */
  readonly record: (line: string) => void;
}

/** Serves one request. */
export async function serveBroker(
  connection: BrokerConnection,
  options: BrokerOptions,
): Promise<void> {
  const lines = new LineReader(connection, MAX_MESSAGE_BYTES);
  const cancelled = new AbortController();
  let answer: BrokerAnswer;
  try {
    const request = await receive(lines, options.peer, cancelled.signal);
    // The agent closes the connection to cancel the request.
    void lines.next().catch(() => {}).then(() => {
      cancelled.abort(commandFailed("the agent has cancelled the request"));
    });
    answer = { result: await perform(request, options, cancelled.signal) };
  } catch (thrown) {
    answer = errorAnswer(explained(thrown));
  }
  await send(connection, answer);
}

function explained(thrown: unknown): RpcError {
  const error = toRpcError(thrown);
  if (error !== undefined) return error;
  printError(stackOf(thrown));
  return internalError("internal error of the broker; see its log");
}

/** Waits for the request, and makes sure that it comes from the agent. */
async function receive(
  lines: LineReader,
  peer: string | undefined,
  signal: AbortSignal,
): Promise<BrokerRequest> {
  let text: string | undefined;
  const line = lines.next().then((next) => text = next, (error) => {
    throw invalidRequest(`the request cannot be read: ${messageOf(error)}`);
  });
  await withTimer(REQUEST_MS, line);
  const refusal = peer === undefined ? undefined : await refusePeer(peer, systemProcesses(signal));
  if (refusal !== undefined) {
    throw permissionDenied(`only the agent may use the broker: ${refusal}`);
  }
  const request = text === undefined ? undefined : parseRequest(text);
  if (request === undefined) throw invalidRequest("this is not a request to the broker");
  return request;
}

/** Checks a request, performs it and records both. */
async function perform(
  { operation: name, params, sent_at_ms }: BrokerRequest,
  { configFile, operations, record }: BrokerOptions,
  signal: AbortSignal,
): Promise<unknown> {
  const operation = operations.find((known) => known.name === name);
  if (operation === undefined) throw invalidRequest(`no operation ${JSON.stringify(name)}`);
  const start = performance.now();
  let target: Readonly<Record<string, unknown>> = {};
  const line = (event: string, fields: Readonly<Record<string, unknown>>) =>
    record(
      jsonLine({ time: new Date().toISOString(), event, operation: name, target, ...fields }),
    );
  try {
    const config = await trustedConfig(configFile);
    const { allow } = config.security;
    if (!isAllowed(operation.group, allow)) {
      throw groupRefusal(name, operation.group, configFile ?? DEFAULT_CONFIG_PATH);
    }
    const prepared = operation.prepare(params);
    target = prepared.target;
    line("begin", {});
    const result = await prepared.run(rootFor(config, sent_at_ms, signal));
    line("end", { outcome: "ok", ms: Math.round(performance.now() - start) });
    return result;
  } catch (thrown) {
    const { code, data: { reason } } = explained(thrown);
    line("end", { outcome: "error", code, reason, ms: Math.round(performance.now() - start) });
    throw thrown;
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
      throw commandFailed(`the broker cannot use the configuration: ${error.message}`);
    }
    throw error;
  }
}

function rootFor(config: Config, sentAtMs: number, signal: AbortSignal): Root {
  return {
    config,
    signal,
    sinceSentMs: () => Date.now() - sentAtMs,
    run: (program, args, options) => runProgram(program, args, signal, options),
    mounts: () => readBlockMounts(signal),
  };
}

/** Sends a message. An agent that has gone is not an error. */
async function send({ write }: BrokerConnection, message: BrokerAnswer): Promise<void> {
  let bytes = lineOf(message);
  if (bytes.byteLength > MAX_MESSAGE_BYTES) {
    bytes = lineOf(errorAnswer(commandFailed("the result is too large")));
  }
  try {
    while (bytes.byteLength > 0) bytes = bytes.subarray(await write(bytes));
  } catch {
    // EPIPE
  }
}
