/**
 * A handler behind a real agent: calls it like a host, and checks each result with the handler's
 * schema.
 *
 * @module
 */

import { assert } from "@std/assert";
import * as z from "zod";
import type { Method } from "../../lib/core/method.ts";
import { type AgentOptions, TestAgent } from "../agent/_agent.ts";
import { type Host, type Message, resultOf } from "../agent/_host.ts";

/** An agent, a host, and one method of it. */
export class Served implements AsyncDisposable {
  private constructor(
    readonly agent: TestAgent,
    readonly host: Host,
    readonly method: Method,
  ) {}

  /** Starts an agent for the tests of one method. */
  static async start(method: Method, options?: AgentOptions): Promise<Served> {
    const agent = await TestAgent.start(options);
    return new Served(agent, await agent.connect(), method);
  }

  /** The directory that may be read and written. */
  get files(): string {
    return this.agent.paths.files;
  }

  /** The whole answer, whatever it is. */
  async answer(params?: unknown): Promise<Message> {
    return await this.host.request(this.method.name, params);
  }

  /** The result, which must match the handler's schema and `shape`. */
  async call<Shape extends z.ZodMiniType>(
    params: unknown,
    shape: Shape,
  ): Promise<z.output<Shape>> {
    const answer = await this.answer(params);
    const result = resultOf(answer, shape);
    const checked = z.safeParse(this.method.result, answer.result);
    assert(checked.success, `${JSON.stringify(answer.result)}: ${checked.error?.message}`);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.close();
    await this.agent[Symbol.asyncDispose]();
  }
}
