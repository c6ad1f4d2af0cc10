/**
 * The host of the demo: calls methods, shows requests and answers, and fails on an answer that
 * differs from what the demo announces.
 *
 * @module
 */

import * as z from "zod";
import { METHODS } from "../../handlers/mod.ts";
import { type ErrorName, ERRORS } from "../../lib/base/errors.ts";
import { AgentClient } from "../../host/client.ts";
import { AnswerError } from "../../host/errors.ts";
import type { Screen } from "./screen.ts";

/** How long the demo waits for an answer. */
const PATIENCE_MS = 20_000;

/** The agent did not do what the demo claims. */
export class UnexpectedAnswerError extends Error {
  override readonly name = "UnexpectedAnswerError";
}

const resultSchemas = new Map(METHODS.map(({ name, result }) => [name, result]));

/** What a machine answers that lacks something. */
const MISSING: readonly number[] = [ERRORS.commandFailed.code, ERRORS.notFound.code];

/** A connection to the agent whose calls are shown on the screen. */
export class Host implements AsyncDisposable {
  readonly #client: AgentClient;
  readonly #screen: Screen;
  readonly #used: Set<string>;

  private constructor(client: AgentClient, screen: Screen, used: Set<string>) {
    this.#client = client;
    this.#screen = screen;
    this.#used = used;
  }

  /** @param used Collects the names of the methods called. */
  static async connect(socket: string, screen: Screen, used: Set<string>): Promise<Host> {
    return new Host(await AgentClient.connect(socket), screen, used);
  }

  /** Calls a method without showing it. Returns the result and how many milliseconds it took. */
  async measure(method: string, params?: unknown): Promise<{ result: unknown; ms: number }> {
    this.#used.add(method);
    const start = performance.now();
    const result = await this.#client.callUnchecked(method, params, { timeoutMs: PATIENCE_MS });
    const ms = performance.now() - start;
    const schema = resultSchemas.get(method);
    if (schema !== undefined && !z.safeParse(schema, result).success) {
      throw new UnexpectedAnswerError(`the result of ${method} does not match its schema`);
    }
    return { result, ms };
  }

  /** Calls a method, shows the call and returns the result, which must match `expected`. */
  async call<Expected extends z.ZodMiniType>(
    method: string,
    params: unknown,
    expected: Expected,
  ): Promise<z.output<Expected>> {
    const result = await this.#show(method, params);
    if (result instanceof AnswerError) {
      throw new UnexpectedAnswerError(`${method} failed`);
    }
    const checked = z.safeParse(expected, result);
    if (checked.success) return checked.data;
    throw new UnexpectedAnswerError(
      `${method} did not return what the demo expects`,
    );
  }

  /** Calls a method that must fail with the given error, and shows the call. */
  async fails(method: string, params: unknown, expected: ErrorName): Promise<void> {
    const { code } = ERRORS[expected];
    const result = await this.#show(method, params);
    if (!(result instanceof AnswerError) || result.code !== code) {
      throw new UnexpectedAnswerError(`${method} did not answer with ${code}`);
    }
  }

  /** Calls a method that not every machine can perform, and shows the answer. */
  async attempt(method: string, params: unknown): Promise<void> {
    const result = await this.#show(method, params);
    if (result instanceof AnswerError && !MISSING.includes(result.code)) {
      throw new UnexpectedAnswerError(`${method} was refused`);
    }
  }

  /** Calls a method and shows the answer. An error answer is returned, not thrown. */
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
