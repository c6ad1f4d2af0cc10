import { assert, assertEquals, assertRejects } from "@std/assert";
import { AnswerError, CallError } from "../../../host/errors.ts";
import { pullStream } from "../../../host/transfer/pull_stream.ts";
import { pushStream } from "../../../host/transfer/push_stream.ts";
import { TransferError } from "../../../host/transfer/transfer.ts";
import { TestAgent } from "../../agent/_agent.ts";
import { namesIn } from "../../lib/_helpers.ts";

const KB = 1024;

/** Bytes that differ from place to place. */
const pattern = (size: number) => Uint8Array.from({ length: size }, (_, at) => (at * 31) >> 3);

/** The bytes in chunks of this size. */
async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function collect(
  pull: (write: (bytes: Uint8Array) => void) => Promise<unknown>,
): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  await pull((bytes) => chunks.push(bytes.slice()));
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

Deno.test("pushStream and pullStream copy streams of any length, in chunks of any size", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  const path = `${agent.paths.files}/f`;
  for (
    const [size, chunkSize] of [[0, 1], [1, 1], [48 * KB, 7], [200 * KB, 64 * KB], [
      1000 * KB,
      999 * KB,
    ]] as const
  ) {
    const bytes = pattern(size);
    const pushed = await pushStream(client, chunked(bytes, chunkSize), path);
    assertEquals([pushed.path, pushed.bytes], [path, size]);
    assertEquals(await Deno.readFile(path), bytes);
    assertEquals(await collect((write) => pullStream(client, path, write)), bytes);
  }
  assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o644);
  assertEquals(await namesIn(agent.paths.files), ["f"]);
});

Deno.test("pushStream fails without waiting for input that never comes", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  const silent: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
  };
  await assertRejects(() => pushStream(client, silent, "/etc/f"), AnswerError);
  const controller = new AbortController();
  const pushing = pushStream(client, silent, `${agent.paths.files}/f`, {
    signal: controller.signal,
  });
  controller.abort(new Error("enough"));
  await assertRejects(() => pushing, Error, "enough");
});

Deno.test("pushStream stops reading its source when a piece is refused", async () => {
  await using agent = await TestAgent.start({
    config: () => ({ security: { max_file_size_mb: 1 } }),
  });
  await using client = await agent.client();
  let readBytes = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = new Uint8Array(64 * KB);
      readBytes += chunk.byteLength;
      yield chunk;
      // As a pipe does, which is read through the event loop.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
  const path = `${agent.paths.files}/f`;
  const error = await assertRejects(() => pushStream(client, endless(), path), AnswerError);
  assert(error.reason.includes("max_file_size_mb"), error.reason);
  // A stream cannot be resumed, so nothing is kept.
  assertEquals(await namesIn(agent.paths.files), []);
  assert(readBytes < 4 * KB * KB, `${readBytes}`);
});

Deno.test("pullStream says at the end that the file was written to meanwhile", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  const path = `${agent.paths.files}/f`;
  await Deno.writeFile(path, pattern(300 * KB));
  let isChanged = false;
  const pulling = pullStream(client, path, () => {
    if (isChanged) return;
    isChanged = true;
    Deno.writeTextFileSync(path, "changed", { append: true });
  });
  await assertRejects(() => pulling, TransferError, "changed during the transfer");
});

Deno.test("pullStream ends when its output fails or its connection is lost", async () => {
  await using agent = await TestAgent.start();
  await using client = await agent.client();
  const path = `${agent.paths.files}/f`;
  await Deno.writeFile(path, pattern(600 * KB));
  const broken = () => {
    throw new Deno.errors.BrokenPipe("nobody reads");
  };
  await assertRejects(() => pullStream(client, path, broken), Deno.errors.BrokenPipe);
  await assertRejects(() => pullStream(client, path, () => client.close()), CallError);
});
