import * as z from "zod";
import { assert, assertEquals } from "@std/assert";
import { ERRORS } from "../../../lib/base/errors.ts";
import { FuzzAgent, HOSTS } from "../agent.ts";
import { type Answer, answersIn, assertNoFault } from "../answers.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";

const Message = z.strictObject({
  /** Which host sends it. */
  host: z.int().check(z.gte(0), z.lt(HOSTS)),
  method: z.enum(["ping", "exec_command", "rpc.cancel"]),
  id: z.int(),
  /** The id that `rpc.cancel` names. */
  cancelled: z.int(),
});

type Message = z.output<typeof Message>;

const CANCELLED = "cancelled by the host";

/**
 * Hosts that use the same ids at the same time: each request has one answer, sent to the host that
 * made it. A host's id is refused, or its request cancelled, only because of what it sent itself.
 */
export const hosts = target({
  name: "hosts",
  input: z.strictObject({ messages: z.array(Message) }),
  generate: (random) => ({ messages: random.many(12, () => message(random)) }),
  open: async () => {
    const agent = await FuzzAgent.start();
    return {
      check: async ({ messages }) => {
        const sent = await Promise.all(
          messages.map((one) => agent.exchange(textOf(one), one.host)),
        );
        for (const [index, lines] of sent.entries()) {
          const [answer, ...more] = lines.flatMap(answersIn);
          assert(answer !== undefined && more.length === 0, "one answer");
          const message = messages[index];
          assert(message !== undefined);
          checkAnswer(answer, message, messages.filter(({ host }) => host === message.host));
        }
      },
      [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
    };
  },
});

const message = (random: Random): Message => ({
  host: random.below(HOSTS),
  method: random.pick(["ping", "exec_command", "exec_command", "rpc.cancel"]),
  id: random.below(4),
  cancelled: random.below(4),
});

function textOf({ method, id, cancelled }: Message): string {
  const params = {
    "ping": {},
    "exec_command": { command: "true" },
    "rpc.cancel": { id: cancelled },
  };
  return JSON.stringify({ jsonrpc: "2.0", method, id, params: params[method] });
}

/** @param own All messages of the same host. */
function checkAnswer(answer: Answer, { id }: Message, own: readonly Message[]): void {
  assertNoFault(answer);
  assertEquals(answer.id, id);
  if (!("error" in answer)) return;
  const { code, data: { reason } } = answer.error;
  if (code === ERRORS.invalidRequest.code) {
    assert(own.filter((one) => one.id === id).length > 1, `the id was free: ${reason}`);
    return;
  }
  assertEquals(reason, CANCELLED);
  const isCancelled = own.some((one) => one.method === "rpc.cancel" && one.cancelled === id);
  assert(isCancelled, "the host did not cancel this");
}
