/**
 * Answers a batch.
 *
 * @module
 */

import { commandFailed } from "../../base/errors.ts";
import { utf8Bytes } from "../../base/json_text.ts";
import type { Action } from "../../core/call.ts";
import type { CallId } from "../../core/call_id.ts";
import { errorText } from "./messages.ts";

/**
 * The most members of a batch. Their answers are kept until the last one is ready; this many errors
 * fit the smallest default message.
 */
export const MAX_BATCH_MEMBERS = 100;

/** The answer to one member of a batch. */
export interface MemberAnswer {
  readonly id: CallId;
  /** `undefined` for a notification. */
  readonly text: string | undefined;
  /** What happens once the answer has been sent. */
  readonly after?: Action | undefined;
}

/** Runs one member of a batch. */
export type BatchMember = () => MemberAnswer | Promise<MemberAnswer>;

/**
 * Runs all members at once and sends their answers as one array, in the order of completion
 * (JSON-RPC 2.0, section 6). A batch of notifications gets no answer. Actions of members whose
 * answer was replaced by an error are dropped.
 */
export async function answerBatch(
  members: readonly BatchMember[],
  limitBytes: number,
  send: (text: string) => Promise<void>,
): Promise<void> {
  const answers = new BatchAnswers(limitBytes);
  await Promise.all(members.map((run) => {
    const answer = run();
    if (answer instanceof Promise) return answer.then((late) => answers.add(late));
    answers.add(answer);
  }));
  const text = answers.text();
  if (text !== undefined) await send(text);
  await Promise.all(answers.actions.map((action) => action.run()));
}

interface KeptAnswer {
  readonly id: CallId;
  text: string;
  bytes: number;
  after: Action | undefined;
  isError: boolean;
}

/**
 * The answers of one batch, within the message limit. If they do not fit, the largest is replaced
 * by an error with its id; if not even the errors fit, one error replaces all of them.
 */
class BatchAnswers {
  readonly #limit: number;
  readonly #kept: KeptAnswer[] = [];
  readonly #notifications: Action[] = [];
  #size = 1;
  #isHopeless = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add({ id, text, after }: MemberAnswer): void {
    if (text === undefined) {
      if (after !== undefined) this.#notifications.push(after);
      return;
    }
    if (this.#isHopeless) return after?.drop();
    const bytes = utf8Bytes(text);
    this.#kept.push({ id, text, bytes, after, isError: false });
    this.#size += bytes + 1;
    while (this.#size > this.#limit && !this.#isHopeless) this.#makeRoom();
  }

  /** What happens once the answer has been sent. */
  get actions(): Action[] {
    return [...this.#notifications, ...this.#kept.flatMap(({ after }) => after ?? [])];
  }

  text(): string | undefined {
    if (this.#isHopeless) {
      const reason =
        "the answers of the batch exceed max_message_size_kb; send fewer requests per batch";
      return errorText(null, commandFailed(reason, { limit_bytes: this.#limit }));
    }
    if (this.#kept.length === 0) return undefined;
    return `[${this.#kept.map(({ text }) => text).join(",")}]`;
  }

  #makeRoom(): void {
    const largest = this.#kept.reduce((best, one) =>
      best.isError || !one.isError && one.bytes >= best.bytes ? one : best
    );
    const error = commandFailed("batch too large; resend individually", {
      size_bytes: largest.bytes,
    });
    const short = errorText(largest.id, error);
    const bytes = utf8Bytes(short);
    if (largest.isError || bytes >= largest.bytes) return this.#giveUp();
    this.#size += bytes - largest.bytes;
    largest.after?.drop();
    Object.assign(largest, { text: short, bytes, after: undefined, isError: true });
  }

  #giveUp(): void {
    this.#isHopeless = true;
    for (const { after } of this.#kept) after?.drop();
    this.#kept.length = 0;
  }
}
