/**
 * Requests of all kinds, valid and invalid, in the proportions of a busy and a clumsy host.
 *
 * @module
 */

import { parseLine, type Wire } from "../bench/wire.ts";

const OUTSTANDING = 8;
const PIECE_BYTES = 20_000;

/** A kind of request, and its share in a thousand. */
interface Kind {
  readonly share: number;
  readonly line: (id: number, files: string) => string;
}

const request =
  (method: string, params: (files: string, id: number) => object = () => ({})) =>
  (id: number, files: string) =>
    JSON.stringify({ jsonrpc: "2.0", id, method, params: params(files, id) });

const KINDS: readonly Kind[] = [
  { share: 300, line: request("ping") },
  { share: 60, line: request("get_agent_info") },
  { share: 60, line: request("get_system_info") },
  { share: 20, line: request("get_network_info") },
  { share: 10, line: request("get_disk_usage") },
  { share: 10, line: request("rpc.discover") },
  {
    share: 130,
    line: request("file_read", (files, id) => ({
      path: `${files}/large`,
      encoding: "base64",
      offset: id * PIECE_BYTES % 1_000_000,
      length: PIECE_BYTES,
    })),
  },
  { share: 60, line: request("file_read", (files) => ({ path: `${files}/small` })) },
  {
    share: 60,
    line: request("file_write", (files, id) => ({
      path: `${files}/pieces${id % 6}`,
      content: "x".repeat(id % 5000),
      offset: id % 10_000,
    })),
  },
  {
    share: 10,
    line: request("file_write", (files, id) => ({
      path: `${files}/whole${id % 50}`,
      content: "y".repeat(id % 5000),
    })),
  },
  // Of 200,000 these are the ten thousand commands that must leave nothing behind.
  { share: 30, line: request("exec_command", () => ({ command: "true" })) },
  {
    share: 10,
    line: request("exec_command", (_, id) => ({ command: "echo", args: ["z".repeat(id % 3000)] })),
  },
  {
    share: 9,
    line: request("exec_command", (_, id) => ({ command: "cat", input: "i".repeat(id % 3000) })),
  },
  { share: 1, line: request("exec_command", () => ({ command: "false" })) },
  // A host's mistakes.
  { share: 40, line: request("no_such_method") },
  { share: 40, line: request("file_read", () => ({ path: 5 })) },
  { share: 40, line: request("file_read", () => ({ path: "/etc/shadow" })) },
  { share: 30, line: request("exec_command", () => ({ command: "no-such-program" })) },
  { share: 30, line: request("file_read", (files) => ({ path: `${files}/nothing` })) },
  { share: 30, line: request("rpc.cancel", (_, id) => ({ id: id + 1_000_000 })) },
  {
    share: 20,
    line: (id) =>
      `[{"jsonrpc":"2.0","method":"ping"},{"jsonrpc":"2.0","method":"ping","id":${id}},{}]`,
  },
];

/** Lines that are answered without an id; one after each fixed number of requests. */
const BAD_LINES = ["no JSON", "{", '{"jsonrpc":"2.0"}', "[]", `"${"w".repeat(70_000)}"`];
const BAD_LINE_EVERY = 100;

const WHEEL = KINDS.flatMap(({ share, line }) => Array.from({ length: share }, () => line));
/** Has no divisor in common with the wheel's length, so that kinds take turns. */
const STEP = 377;

/** The files that requests use. */
export async function prepareFiles(files: string): Promise<void> {
  await Deno.writeTextFile(`${files}/small`, "a small file\n");
  await Deno.writeFile(`${files}/large`, crypto.getRandomValues(new Uint8Array(65_536)));
  await Deno.truncate(`${files}/large`, 2_000_000);
}

/**
 * Sends requests, at most {@link OUTSTANDING} of them unanswered, and checks that each has one
 * answer.
 *
 * @param onProgress Called now and then with the number answered so far.
 */
export async function sendRequests(
  wire: Wire,
  files: string,
  count: number,
  onProgress: (answered: number) => Promise<void>,
): Promise<void> {
  const every = Math.max(1, Math.floor(count / 40));
  let sent = 0;
  let badLines = 0;
  let answered = 0;
  const open = new Set<number>();
  while (answered < count) {
    let lines = "";
    for (; sent < count && open.size < OUTSTANDING; sent++) {
      const line = WHEEL[sent * STEP % WHEEL.length];
      if (line === undefined) throw new RangeError("the wheel has a gap");
      open.add(sent);
      lines += `${line(sent, files)}\n`;
      if (sent % BAD_LINE_EVERY === 0) {
        lines += `${BAD_LINES[badLines++ % BAD_LINES.length]}\n`;
      }
    }
    if (lines !== "") await wire.send(lines);
    for (const id of idsIn(parseLine(await wire.readLine()))) {
      if (typeof id !== "number") continue;
      if (!open.delete(id)) throw new Error(`duplicate or unexpected answer: ${id}`);
      answered += 1;
      if (answered % every === 0) await onProgress(answered);
    }
  }
}

function idsIn(answer: unknown): unknown[] {
  if (Array.isArray(answer)) return answer.flatMap(idsIn);
  return typeof answer === "object" && answer !== null && "id" in answer ? [answer.id] : [];
}
