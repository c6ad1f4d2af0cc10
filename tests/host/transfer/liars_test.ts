import { assertEquals, assertRejects } from "@std/assert";
import { AgentClient } from "../../../host/client.ts";
import { AnswerError, CallError } from "../../../host/errors.ts";
import { pull } from "../../../host/transfer/pull.ts";
import { push } from "../../../host/transfer/push.ts";
import { TransferError } from "../../../host/transfer/transfer.ts";
import { namesIn, TempDirectory } from "../../lib/_helpers.ts";
import {
  type Answerer,
  answerWell,
  resultLine,
  ScriptedAgent,
  type ScriptedRequest,
} from "../_scripted_agent.ts";

const STAT = {
  path: "/f",
  type: "file",
  size_bytes: 10,
  permissions: "0644",
  modified_at: 1,
};
const HASH = { path: "/f", sha256: "0".repeat(64), size_bytes: 10, offset: 0, bytes_hashed: 10 };
const PIECE = { size_bytes: 10, encoding: "base64", offset: 0, bytes_read: 10, eof: true };

/** An agent whose answers to some methods are these. */
const lying =
  (answers: Readonly<Record<string, unknown>>): Answerer => (request: ScriptedRequest) =>
    Object.hasOwn(answers, request.method)
      ? { text: resultLine(request, answers[request.method]) }
      : answerWell(request);

async function pullFrom(answerer: Answerer): Promise<{ error: Error; names: string[] }> {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("s"));
  agent.answerer = answerer;
  await using client = await AgentClient.connect(agent.path);
  await directory.directory("to");
  const error = await assertRejects(() => pull(client, "/f", directory.at("to/f")), Error);
  return { error, names: await namesIn(directory.at("to")) };
}

for (
  const [what, piece, text] of [
    ["sends more than it was asked for", { content: "AAAA".repeat(10) }, /more of \/f than/],
    ["sends what is not base64", { content: "%%%" }, /not base64/],
    ["sends nothing of a file that has something", { content: "" }, /changed during the transfer/],
    [
      "sends another file than it hashes",
      { content: "AAAAAAAAAAAAAA==" },
      /changed during the transfer/,
    ],
  ] as const
) {
  Deno.test(`pull from an agent that ${what} creates no file`, async () => {
    const { error, names } = await pullFrom(
      lying({ file_stat: STAT, file_hash: HASH, file_read: { ...PIECE, ...piece } }),
    );
    assertEquals(error instanceof TransferError && text.test(error.message), true, error.message);
    assertEquals(names.filter((name) => name === "f"), []);
  });
}

Deno.test("pull from an agent that sends an invalid result creates no file", async () => {
  const { error, names } = await pullFrom(lying({ file_stat: { ...STAT, size_bytes: "10" } }));
  assertEquals(error instanceof CallError && error.reason, "invalid result");
  assertEquals(names, []);
});

Deno.test("pull of a file whose size an agent lies about creates no file of that size", async () => {
  const size_bytes = Number.MAX_SAFE_INTEGER;
  const { error, names } = await pullFrom(
    lying({
      file_stat: { ...STAT, size_bytes },
      file_hash: HASH,
      file_read: { ...PIECE, content: "" },
    }),
  );
  assertEquals(error instanceof TransferError, true, error.message);
  assertEquals(names, [".f.kvmmanager-part"]);
});

Deno.test("pull and push name the method that an old agent lacks", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("s"));
  await using client = await AgentClient.connect(agent.path);
  const pulled = await assertRejects(() => pull(client, "/f", directory.at("f")), AnswerError);
  assertEquals([pulled.isUnknownMethod, pulled.reason], [true, 'no method "file_stat"']);
  const local = await directory.file("local", "content");
  const pushed = await assertRejects(() => push(client, local, "/f"), AnswerError);
  assertEquals([pushed.isUnknownMethod, pushed.reason], [true, 'no method "file_stat"']);
});
