/**
 * A power method behind the real executor, with a provider that records requests instead of carrying
 * them out.
 *
 * @module
 */

import { assert } from "@std/assert";
import * as z from "zod";
import { defaultConfig } from "../../../lib/config/schema.ts";
import { NO_LOG } from "../../../lib/log/logger.ts";
import { Executor } from "../../../lib/core/executor.ts";
import type { Method } from "../../../lib/core/method.ts";
import { Power, type PowerRequest } from "../../../lib/guest/power.ts";
import { memoryServices } from "../../lib/guest/_memory_guest.ts";
import { TestHost } from "../../lib/core/_host.ts";
import type { Message } from "../../agent/_host.ts";

const Answer = z.record(z.string(), z.unknown());

/** What happened, in order: an answer was sent, or power was requested. */
export type PowerEvent = "answer" | PowerRequest;

/** One power method and the record of its effects. */
export class Powered {
  readonly events: PowerEvent[] = [];
  /** Whether the provider fails. */
  fails = false;
  readonly #host: TestHost;
  readonly #method: string;

  constructor(method: Method) {
    this.#method = method.name;
    const power = new Power({
      unavailable: undefined,
      check: () => Promise.resolve(undefined),
      request: (request) => {
        if (this.fails) return Promise.reject(new Error("no"));
        this.events.push(request);
        return Promise.resolve();
      },
    });
    const executor = new Executor({
      config: defaultConfig(),
      ...memoryServices({ power }),
      log: NO_LOG,
      methods: [method],
    });
    this.#host = new TestHost(executor);
  }

  /** Sends a request and waits for all its effects. */
  async call(params: unknown): Promise<Message> {
    const [answer] = await this.#send({ params, id: 1 });
    assert(answer !== undefined, "an answer");
    return z.parse(Answer, JSON.parse(answer));
  }

  /** Sends a notification and waits for all its effects. */
  async notify(params: unknown): Promise<void> {
    const answers = await this.#send({ params });
    assert(answers.length === 0, "no answer");
  }

  async #send(members: Record<string, unknown>): Promise<string[]> {
    const answers: string[] = [];
    const line = JSON.stringify({ jsonrpc: "2.0", method: this.#method, ...members });
    await this.#host.handle(line, (text) => {
      answers.push(text);
      this.events.push("answer");
      return Promise.resolve();
    });
    return answers;
  }
}
