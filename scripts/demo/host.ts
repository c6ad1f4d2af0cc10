/**
 * The host of the demo: calls methods, shows request and answer, and does not put up with an answer
 * that is not the one to be shown.
 *
 * @module
 */

import * as z from "zod";
import { METHODS } from "../../handlers/mod.ts";
import { type ErrorName, ERRORS } from "../../lib/base/errors.ts";
import { AgentClient } from "../../host/client.ts";
import { AnswerError } from "../../host/errors.ts";
import type { Screen } from "./screen.ts";

/** How long the demo waits for any answer. */
const PATIENCE_MS = 20_000;

/** The agent did not do what the demo is about to tell of it. */
export class UnexpectedAnswerError extends Error {
  override readonly name = "UnexpectedAnswerError";
}

const resultSchemas = new Map(METHODS.map(({ name, result }) => [name, result]));

/** A connection to the agent, with an audience. */
export class Host implements AsyncDisposable {
  readonly #client: AgentClient;
  readonly #screen: Screen;
  readonly #used: Set<string>;

  private constructor(client: AgentClient, screen: Screen, used: Set<string>) {
    this.#client = client;
    this.#screen = screen;
    this.#used = used;
  }

  /** @param used Gets the name of every method that was called. */
  static async connect(socket: string, screen: Screen, used: Set<string>): Promise<Host> {
    return new Host(await AgentClient.connect(socket), screen, used);
  }

  /** Calls a method without showing it; returns the result and the milliseconds it took. */
  async measure(method: string, params?: unknown): Promise<{ result: unknown; ms: number }> {
    this.#used.add(method);
    const start = performance.now();
    const result = await this.#client.callUnchecked(method, params, { timeoutMs: PATIENCE_MS });
    const ms = performance.now() - start;
    const schema = resultSchemas.get(method);
    if (schema !== undefined && !z.safeParse(schema, result).success) {
      throw new UnexpectedAnswerError(`the result of ${method} is not as its schema says`);
    }
    return { result, ms };
  }

  /** Calls a method, shows it and returns the result, which must fit `expected`. */
  async call<Expected extends z.ZodMiniType>(
    method: string,
    params: unknown,
    expected: Expected,
  ): Promise<z.output<Expected>> {
    const result = await this.#show(method, params);
    if (result instanceof AnswerError) {
      throw new UnexpectedAnswerError(`${method} was to succeed`);
    }
    const checked = z.safeParse(expected, result);
    if (checked.success) return checked.data;
    throw new UnexpectedAnswerError(`${method} answered with another result than the demo expects`);
  }

  /** Calls a method that must be refused or fail, and shows how. */
  async fails(method: string, params: unknown, expected: ErrorName): Promise<void> {
    const { code } = ERRORS[expected];
    const result = await this.#show(method, params);
    if (!(result instanceof AnswerError) || result.code !== code) {
      throw new UnexpectedAnswerError(`${method} was to answer with ${code}`);
    }
  }

  /** Shows a call and its answer; an error answer is returned as such. */
  async #show(method: string, params: unknown): Promise<unknown> {
    this.#screen.request(method, params);
    const start = performance.now();
    try {
      const { result, ms } = await this.measure(method, params);
      this.#screen.result(result, ms);
      return result;
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      this.#screen.error(error, performance.now() - start);
      return error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}
