/**
 * The registry of command handlers, and the running of one.
 *
 * @module
 */

import { Aborted } from "../base/waiting.ts";
import { RpcError } from "../base/errors.ts";
import type { Log } from "../log/logger.ts";
import { messageOf } from "../base/message_of.ts";
import { suggestion } from "../base/schema_issues.ts";
import { type CommandAnswer, failure, readAnswer, refusal, STATUS } from "./answer.ts";
import type { CommandRequest } from "./command_request.ts";

/** What a handler gets beside the request. */
export interface CommandContext {
  /** Aborted when the handler's time is over and when the agent stops. */
  readonly signal: AbortSignal;
}

/** Carries out a command. What it throws is answered with status 105 and its message. */
export type CommandHandler = (
  request: CommandRequest,
  context: CommandContext,
) => CommandAnswer | Promise<CommandAnswer>;

/** What ends a handler that does not end by itself. */
export interface RunBounds {
  readonly timeoutSeconds: number;
  /** Aborted when the agent stops, with the error that the client is told. */
  readonly stopping: AbortSignal;
}

/** A handler refuses: the message is for who sent the command, and no fault of the agent's. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

const NAME_REGEXP = /^agent\.[A-Z][A-Za-z0-9]{0,99}$/;
const MAX_SHOWN_CHARACTERS = 100;

/**
 * The commands that the agent's components offer to other programs of the guest. Registering works
 * whether or not a server is running.
 */
export class Monitor {
  readonly #handlers = new Map<string, CommandHandler>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The registered names, sorted. */
  get names(): string[] {
    return [...this.#handlers.keys()].sort();
  }

  /**
   * Adds a handler.
   *
   * @param name As `agent.DoSomething`.
   * @throws {TypeError} for a name of another form.
   * @throws {Error} when the name is taken.
   */
  register(name: string, handler: CommandHandler): void {
    if (!NAME_REGEXP.test(name)) {
      throw new TypeError(`a command's name has the form agent.PascalCase, received "${name}"`);
    }
    if (this.#handlers.has(name)) throw new Error(`the command "${name}" is registered already`);
    this.#handlers.set(name, handler);
  }

  /**
   * Takes a handler away.
   *
   * @throws {Error} when there is none of that name.
   */
  unregister(name: string): void {
    if (!this.#handlers.delete(name)) throw new Error(`no command "${name}" is registered`);
  }

  /** Carries out a command within the bounds given; never throws. */
  async run(request: CommandRequest, bounds: RunBounds): Promise<CommandAnswer> {
    const handler = this.#handlers.get(request.name);
    if (handler === undefined) {
      const name = request.name.slice(0, MAX_SHOWN_CHARACTERS);
      const hint = suggestion(name, this.names);
      return refusal(STATUS.noHandler, `${JSON.stringify(name)} is not registered${hint}`);
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
    this.#fault(request, new TypeError("the handler's result has no Status and StatusMessage"));
    return refusal(STATUS.internal, "the handler's result is no answer; the log has more");
  }

  #fault({ name }: CommandRequest, error: unknown): void {
    this.#log.error("a command's handler failed", {
      name,
      error: error instanceof Error ? error.stack ?? error.message : String(error),
    });
  }
}

const isForTheClient = (error: unknown) =>
  error instanceof CommandError || error instanceof RpcError;

/** The handler's result in time; a handler that does not heed its signal is left behind. */
async function runWithin(
  { timeoutSeconds, stopping }: RunBounds,
  handle: (context: CommandContext) => unknown,
): Promise<unknown> {
  const late = new AbortController();
  const working = handle({ signal: late.signal });
  // Most have their answer at hand, and need neither timer nor listener.
  if (!(working instanceof Promise)) return working;
  const stopped = new Aborted(stopping);
  using _stopped = stopped;
  const timer = setTimeout(
    () => late.abort(new CommandError(`not done within ${timeoutSeconds} s`)),
    timeoutSeconds * 1000,
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
    clearTimeout(timer);
  }
}
