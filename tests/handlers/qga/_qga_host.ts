/**
 * A host of the QEMU guest agent's language, before the real dialect, executor and commands and a
 * guest in memory.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { qgaCommands } from "../../../handlers/qga/mod.ts";
import { UnescapedBytes } from "../../../lib/base/json_text.ts";
import type { Part } from "../../../lib/channel/dialect.ts";
import { type Config, defaultConfig } from "../../../lib/config/schema.ts";
import { Executor } from "../../../lib/core/executor.ts";
import { QgaDialect } from "../../../lib/dialects/qga/dialect.ts";
import type { Guest } from "../../../lib/guest/guest.ts";
import { GROUPS } from "../../../lib/policy/groups.ts";
import { CollectingLog } from "../../lib/_helpers.ts";
import { memoryServices } from "../../lib/guest/_memory_guest.ts";

const Answer = z.union([
  z.strictObject({ return: z.unknown() }),
  z.strictObject({ error: z.strictObject({ class: z.string(), desc: z.string() }) }),
]);

const textOf = (part: Part): string =>
  typeof part === "string"
    ? part
    : new TextDecoder().decode(part instanceof UnescapedBytes ? part.bytes : part);

/** Sends commands; all groups are on. */
export class QgaHost {
  readonly #sent: string[] = [];
  readonly #conversation;

  constructor(guest: Partial<Guest>, changes: Partial<Config> = {}) {
    const config = {
      ...defaultConfig(),
      ...changes,
      security: { ...defaultConfig().security, allow: [...GROUPS] },
    };
    const log = new CollectingLog();
    const { methods } = qgaCommands();
    const services = { config, ...memoryServices(guest), log, methods };
    this.#conversation = new QgaDialect(new Executor(services)).converse({
      send: (...parts) => {
        this.#sent.push(...parts.map(textOf));
        return Promise.resolve();
      },
    });
  }

  /** The text of all answers to a command. */
  async send(execute: string, parameters?: unknown): Promise<string> {
    const request = JSON.stringify({ execute, arguments: parameters });
    this.#conversation.onBytes(new TextEncoder().encode(request));
    await this.#conversation.drained();
    return this.#sent.splice(0).join("");
  }

  /** What a command returns. */
  async call(execute: string, parameters?: unknown): Promise<unknown> {
    const answer = z.parse(Answer, JSON.parse(await this.send(execute, parameters)));
    assert("return" in answer, JSON.stringify(answer));
    return answer.return;
  }

  /** The description of a command's error, which must have the class. */
  async refusal(
    errorClass: "GenericError" | "CommandNotFound",
    execute: string,
    parameters?: unknown,
  ): Promise<string> {
    const answer = z.parse(Answer, JSON.parse(await this.send(execute, parameters)));
    assert("error" in answer, JSON.stringify(answer));
    assertEquals(answer.error.class, errorClass, answer.error.desc);
    return answer.error.desc;
  }
}
