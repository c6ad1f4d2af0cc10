/**
 * A host for the executor's tests: methods for tests, and the answers to what is sent.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import type { Config } from "../../../lib/config/schema.ts";
import { Executor } from "../../../lib/core/executor.ts";
import { JsonRpcConversation } from "../../../lib/dialects/jsonrpc/conversation.ts";
import type { Audit } from "../../../lib/audit/audit.ts";
import type { Part } from "../../../lib/channel/dialect.ts";
import type { CallId } from "../../../lib/core/call_id.ts";
import { Caller } from "../../../lib/core/caller.ts";
import { resultParts, textOf } from "../../../lib/dialects/jsonrpc/messages.ts";
import { type Context, type Method, method } from "../../../lib/core/method.ts";
import { Power } from "../../../lib/guest/power.ts";
import type { Access } from "../../../lib/policy/groups.ts";
import { CollectingLog, configWith } from "../_helpers.ts";
import { memoryServices, RecordingPower } from "../guest/_memory_guest.ts";
import { within } from "../../_waiting.ts";

const AnswerSchema = z.strictObject({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number(), z.null()]),
  result: z.optional(z.unknown()),
  error: z.optional(z.strictObject({
    code: z.int(),
    message: z.string(),
    data: z.looseObject({ reason: z.string() }),
  })),
});

/** One answer, checked to be one: either a result or an error (JSON-RPC 2.0, section 5). */
export type Answer = z.output<typeof AnswerSchema>;

function checked(value: unknown): Answer {
  const answer = z.parse(AnswerSchema, value);
  assertEquals("result" in answer, !("error" in answer), "either a result or an error");
  return answer;
}

/** The answer that a text is. */
export const answerOf = (text: string): Answer => checked(JSON.parse(text));

/** A successful answer as one text. */
export const resultText = (id: CallId, result: unknown): string => textOf(resultParts(id, result));

/** The answers of a batch. */
export function batchOf(text: string): Answer[] {
  return z.parse(z.array(z.unknown()), JSON.parse(text)).map(checked);
}

/** A request as text; without `id` a notification. */
export const request = (
  members: { id?: unknown; method: string; params?: unknown },
): string => JSON.stringify({ jsonrpc: "2.0", ...members });

interface Traits {
  readonly immediate?: boolean;
  readonly whileFrozen?: boolean;
  readonly ownTimeout?: boolean;
  readonly dropsParams?: boolean;
  readonly audited?: boolean;
  readonly access?: Access;
}

/** A method that takes any object. */
export function anyMethod(
  name: string,
  run: (params: Record<string, unknown>, context: Context) => unknown,
  traits: Traits = {},
): Method {
  return method({
    name,
    summary: "For tests.",
    params: z.record(z.string(), z.unknown()),
    result: z.unknown(),
    access: "always",
    audited: false,
    example: { result: null },
    run,
    ...traits,
  });
}

/** One call of a {@link ParkedMethod}, which is done when the test says so. */
export interface ParkedCall {
  readonly params: Record<string, unknown>;
  readonly context: Context;
  finish(result: unknown): void;
  fail(error: unknown): void;
}

/** A method whose calls do not end by themselves. */
export class ParkedMethod {
  readonly calls: ParkedCall[] = [];
  readonly method: Method;
  #onCall = () => {};

  constructor(name = "park", traits: Traits = {}) {
    this.method = anyMethod(name, (params, context) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      this.calls.push({ params, context, finish: resolve, fail: reject });
      this.#onCall();
      return promise;
    }, traits);
  }

  /** Resolves to the call with this number, counted from 0, once it is there. */
  async call(index: number): Promise<ParkedCall> {
    while (this.calls.length <= index) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onCall = resolve;
      await within(promise, `call ${index}`);
    }
    const call = this.calls[index];
    assert(call !== undefined);
    return call;
  }
}

/** A method that does nothing until it is aborted, and then ends with the abort's reason. */
export class ObedientMethod {
  readonly method: Method;
  readonly aborted: unknown[] = [];

  constructor(name = "obey", traits: Traits = {}) {
    this.method = anyMethod(name, (_params, { signal }) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => {
        this.aborted.push(signal.reason);
        reject(signal.reason);
      });
      return promise;
    }, traits);
  }
}

/** Gets what is sent; the promise is the time it takes to leave. */
export type Send = (text: string) => Promise<void>;

/** A host: whatever it sends is one caller's. */
export class TestHost {
  readonly #executor: Executor;
  readonly #caller = new Caller();

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** Hands over a line; returns as {@link JsonRpcConversation.onLine}. */
  handle(line: string, send: Send): Promise<void> | undefined {
    const link = { send: (...parts: readonly Part[]) => send(textOf(parts).trimEnd()) };
    const options = { executor: this.#executor, ready: () => undefined };
    return new JsonRpcConversation(link, options, this.#caller).onLine(line);
  }

  /** Hands over a line; resolves to what was sent for it once its work has ended. */
  async exchange(line: string): Promise<string[]> {
    const texts: string[] = [];
    await this.handle(line, (text) => {
      texts.push(text);
      return Promise.resolve();
    });
    return texts;
  }

  /** The one answer to a line. */
  async ask(line: string): Promise<Answer> {
    return answerOf(await this.#onlyText(line));
  }

  /** Answers a batch. */
  async askBatch(line: string): Promise<Answer[]> {
    return batchOf(await this.#onlyText(line));
  }

  async #onlyText(line: string): Promise<string> {
    const texts = await this.exchange(line);
    assertEquals(texts.length, 1, `one answer for ${line.slice(0, 200)}`);
    return texts[0] ?? "";
  }
}

/** An executor with a test's methods, and a host of it. */
export class InProcessAgent extends TestHost {
  readonly log: CollectingLog;
  readonly power: RecordingPower;
  readonly executor: Executor;

  constructor(methods: readonly Method[], config: Partial<Config> = {}, audit?: Audit) {
    const log = new CollectingLog();
    const power = new RecordingPower();
    const services = memoryServices({ power: new Power(power) });
    const executor = new Executor({ config: configWith(config), ...services, log, methods }, audit);
    super(executor);
    this.log = log;
    this.power = power;
    this.executor = executor;
  }

  /** Another host. */
  anotherHost(): TestHost {
    return new TestHost(this.executor);
  }
}
