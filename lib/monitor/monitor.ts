/**
 * Registers command handlers and runs them.
 *
 * @module
 */

import { RpcError } from "../base/errors.ts";
import { messageOf, stackOf } from "../base/message_of.ts";
import { suggestion } from "../base/schema_issues.ts";
import { Timer } from "../base/timer.ts";
import { Aborted } from "../base/waiting.ts";
import { RateLimit } from "../core/rate_limit.ts";
import type { Log } from "../log/logger.ts";
import { type CommandAnswer, failure, readAnswer, refusal, STATUS } from "./answer.ts";
import { CommandLog } from "./command_log.ts";
import type { CommandRequest } from "./command_request.ts";

/** What a handler gets besides the request. */
export interface CommandContext {
  /** Aborted on the handler's timeout and when the agent stops. */
  readonly signal: AbortSignal;
}

/** Carries out a command. An error is answered with status 105 and its message. */
export type CommandHandler = (
  request: CommandRequest,
  context: CommandContext,
) => CommandAnswer | Promise<CommandAnswer>;

/** How a handler is registered. */
export interface HandlerOptions {
  /** Calls per second; more are refused before the handler sees them. @default unlimited */
  readonly maxPerSecond?: number;
  /** Called for each call that is refused because of {@link maxPerSecond}. */
  readonly onRefused?: () => void;
}

/** When to stop a handler. */
export interface RunBounds {
  readonly timeoutSeconds: number;
  /** Aborted when the agent stops, with the error for the client. */
  readonly stopping: AbortSignal;
}

/** A handler's refusal: the message is for the client, and it is not a bug in the agent. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

interface Registered {
  readonly handler: CommandHandler;
  readonly rate: RateLimit | undefined;
  readonly onRefused: (() => void) | undefined;
}

const NAME_REGEXP = /^agent\.[A-Z][A-Za-z0-9]{0,99}$/;
const MAX_SHOWN_CHARACTERS = 100;

/**
 * The commands that the agent's components offer to other programs of the guest. Handlers can be
 * registered whether or not a server is running.
 */
export class Monitor {
  /** The log lines of its commands. */
  readonly log: CommandLog;
  readonly #handlers = new Map<string, Registered>();

  constructor(log: Log) {
    this.log = new CommandLog(log);
  }

  /** The registered names, sorted. */
  get names(): string[] {
    return [...this.#handlers.keys()].sort();
  }

  /**
   * Adds a handler.
   *
   * @param name Such as `agent.DoSomething`.
   * @throws {TypeError} if the name has a different form.
   * @throws {Error} if the name is taken.
   */
  register(name: string, handler: CommandHandler, options: HandlerOptions = {}): void {
    const { maxPerSecond, onRefused } = options;
    if (!NAME_REGEXP.test(name)) {
      throw new TypeError(`a command's name has the form agent.PascalCase, received "${name}"`);
    }
    if (this.#handlers.has(name)) throw new Error(`the command "${name}" is already registered`);
    const rate = maxPerSecond === undefined ? undefined : new RateLimit(maxPerSecond);
    this.#handlers.set(name, { handler, rate, onRefused });
  }

  /**
   * Removes a handler.
   *
   * @throws {Error} if there is no handler with that name.
   */
  unregister(name: string): void {
    if (!this.#handlers.delete(name)) throw new Error(`no command "${name}" is registered`);
  }

  /** Carries out a command within the given bounds; never throws. */
  async run(request: CommandRequest, bounds: RunBounds): Promise<CommandAnswer> {
    const registered = this.#handlers.get(request.name);
    if (registered === undefined) return this.#notRegistered(request.name);
    const { handler, rate, onRefused } = registered;
    const waitMs = rate?.take() ?? 0;
    if (waitMs > 0) {
      onRefused?.();
      return failure(
        `more than ${rate?.perSecond} ${request.name} per second; retry in ${waitMs} ms`,
      );
    }
    let value: unknown;
    try {
      value = await runWithin(bounds, (context) => handler(request, context));
    } catch (error) {
      if (!isForTheClient(error)) this.#fault(request, error);
      return failure(messageOf(error));
    }
    const answer = readAnswer(value);
    if (answer !== undefined) return answer;
    this.#fault(request, new TypeError("the handler's result lacks Status or StatusMessage"));
    return refusal(STATUS.internal, "the handler's result is not an answer; see the agent's log");
  }

  #notRegistered(name: string): CommandAnswer {
    if (name === "") {
      return refusal(STATUS.noHandler, `there is no "Command"${suggestion(name, this.names)}`);
    }
    const shown = name.slice(0, MAX_SHOWN_CHARACTERS);
    const hint = suggestion(shown, this.names);
    return refusal(STATUS.noHandler, `${JSON.stringify(shown)} is not registered${hint}`);
  }

  #fault({ name }: CommandRequest, error: unknown): void {
    this.log.fault("command handler failed", { name, error: stackOf(error) });
  }
}

const isForTheClient = (error: unknown) =>
  error instanceof CommandError || error instanceof RpcError;

/** The handler's result, if it comes in time; a handler that ignores its signal is abandoned. */
async function runWithin(
  { timeoutSeconds, stopping }: RunBounds,
  handle: (context: CommandContext) => unknown,
): Promise<unknown> {
  const late = new AbortController();
  const working = handle({ signal: late.signal });
  // Most handlers answer synchronously, and need neither timer nor listener.
  if (!(working instanceof Promise)) return working;
  const stopped = new Aborted(stopping);
  using _stopped = stopped;
  const timer = new Timer(
    timeoutSeconds * 1000,
    () => late.abort(new CommandError(`timed out after ${timeoutSeconds} s`)),
  );
  void stopped.happened.then(() => late.abort(stopping.reason));
  const ended = new Aborted(late.signal);
  using _ended = ended;
  try {
    return await Promise.race([
      working,
      ended.happened.then(() => {
        throw late.signal.reason;
      }),
    ]);
  } finally {
    timer.stop();
  }
}
