/**
 * Serves the page over HTTP/1.1, one request a connection.
 *
 * Not `Deno.serve`: it has neither a limit of connections nor one of the time that a client takes to
 * send its request or to read the answer, and this process owns the channels of every VM.
 *
 * @module
 */

import { closeQuietly } from "../../../lib/base/close_quietly.ts";
import { sleep } from "../../sleep.ts";
import { CONTENT_TYPES, type Format, formatFor } from "./exposition.ts";

/** What limits a client. */
export interface ScrapeLimits {
  /** Connections at once; another one takes the place of the oldest. @default {128} */
  readonly connections: number;
  /** Milliseconds to send the request. @default {5000} */
  readonly requestMs: number;
  /** Milliseconds to read the answer; Prometheus gives up after 10 s. @default {15000} */
  readonly answerMs: number;
}

/** How the page is served. */
export interface ScrapeServerOptions {
  readonly page: (format: Format) => Uint8Array<ArrayBuffer>;
  /** What a client has to present; anyone may scrape if it is absent. */
  readonly token?: string;
  readonly limits?: Partial<ScrapeLimits>;
}

const DEFAULT_LIMITS: ScrapeLimits = { connections: 128, requestMs: 5000, answerMs: 15_000 };
const MAX_REQUEST_BYTES = 8192;
const WRITE_BYTES = 65_536;
/** The pause after accepting failed, as it does while the process has no descriptor left. */
const RETRY_MS = 100;
const PATH = "/metrics";

interface Answer {
  readonly status: string;
  readonly contentType?: string;
  readonly headers?: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

const textAnswer = (status: string, text: string, headers = ""): Answer => ({
  status,
  contentType: "text/plain; charset=utf-8",
  headers,
  body: encoder.encode(`${text}\n`),
});

/** Answers on a listener until it is disposed of. */
export class ScrapeServer implements AsyncDisposable {
  readonly #listener: Deno.TcpListener | Deno.TlsListener;
  readonly #page: ScrapeServerOptions["page"];
  readonly #tokenDigest: Promise<string> | undefined;
  readonly #limits: ScrapeLimits;
  /** In the order in which they came. */
  readonly #open = new Map<Deno.Conn, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #accepting: Promise<void>;

  constructor(
    listener: Deno.TcpListener | Deno.TlsListener,
    { page, token, limits = {} }: ScrapeServerOptions,
  ) {
    this.#listener = listener;
    this.#page = page;
    this.#tokenDigest = token === undefined ? undefined : digest(`Bearer ${token}`);
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#accepting = this.#accept();
  }

  /** Stops listening and closes every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    closeQuietly(this.#listener);
    for (const connection of this.#open.keys()) closeQuietly(connection);
    await Promise.all([this.#accepting, ...this.#open.values()]);
  }

  async #accept(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      let connection: Deno.Conn;
      try {
        connection = await this.#listener.accept();
      } catch {
        await sleep(RETRY_MS, this.#stop.signal);
        continue;
      }
      const [oldest] = this.#open.keys();
      if (oldest !== undefined && this.#open.size >= this.#limits.connections) closeQuietly(oldest);
      const serving = this.#serve(connection).finally(() => this.#open.delete(connection));
      this.#open.set(connection, serving);
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const { requestMs, answerMs } = this.#limits;
    let deadline = setTimeout(() => closeQuietly(connection), requestMs);
    try {
      const head = await readHead(connection);
      clearTimeout(deadline);
      deadline = setTimeout(() => closeQuietly(connection), answerMs);
      const answer = head === undefined
        ? textAnswer("431 Request Header Fields Too Large", `at most ${MAX_REQUEST_BYTES} bytes`)
        : await this.#answer(head);
      await writeAnswer(connection, answer, head?.method === "HEAD");
    } catch {
      // The client has gone, or its time is over.
    } finally {
      clearTimeout(deadline);
      closeQuietly(connection);
    }
  }

  async #answer({ method, path, headers }: RequestHead): Promise<Answer> {
    if (method === "") return textAnswer("400 Bad Request", "not an HTTP request");
    if (!await this.#isAuthorized(headers.get("authorization") ?? "")) {
      return textAnswer(
        "401 Unauthorized",
        "send the token of the web configuration: Authorization: Bearer TOKEN",
        "WWW-Authenticate: Bearer\r\n",
      );
    }
    if (path !== PATH) return textAnswer("404 Not Found", `the metrics are at ${PATH}`);
    if (method !== "GET" && method !== "HEAD") {
      return textAnswer("405 Method Not Allowed", "use GET", "Allow: GET, HEAD\r\n");
    }
    const format = formatFor(headers.get("accept") ?? "");
    return { status: "200 OK", contentType: CONTENT_TYPES[format], body: this.#page(format) };
  }

  /** Digests are compared, so that the time it takes tells nothing of the token. */
  async #isAuthorized(given: string): Promise<boolean> {
    const expected = await this.#tokenDigest;
    return expected === undefined ||
      await digest(given.replace(/^bearer /i, "Bearer ")) === expected;
  }
}

interface RequestHead {
  /** Empty if the request line is not one of HTTP/1. */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** By lower-case name; of several, the last one. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Reads up to the empty line; `undefined` if there is too much before it. */
async function readHead(connection: Deno.Conn): Promise<RequestHead | undefined> {
  const buffer = new Uint8Array(MAX_REQUEST_BYTES);
  const decoder = new TextDecoder();
  for (let size = 0; size < buffer.byteLength;) {
    const read = await connection.read(buffer.subarray(size));
    if (read === null) throw new Deno.errors.UnexpectedEof("the request is not complete");
    size += read;
    const text = decoder.decode(buffer.subarray(0, size));
    const end = /\r?\n\r?\n/.exec(text)?.index;
    if (end !== undefined) return parseHead(text.slice(0, end));
  }
  return undefined;
}

function parseHead(text: string): RequestHead {
  const [requestLine = "", ...lines] = text.split(/\r?\n/);
  const [, method = "", target = ""] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(requestLine) ?? [];
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { method, path: target.split("?")[0] ?? "", headers: new Map(headers) };
}

async function writeAnswer(
  connection: Deno.Conn,
  { status, contentType, headers = "", body }: Answer,
  isHead: boolean,
): Promise<void> {
  const head = encoder.encode(
    `HTTP/1.1 ${status}\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.byteLength}\r\n` +
      `${headers}Cache-Control: no-store\r\nConnection: close\r\n\r\n`,
  );
  await writeAll(connection, head);
  if (!isHead) await writeAll(connection, body);
  // The other side may still be sending; closing now could take the answer from it.
  await connection.closeWrite();
  const rest = new Uint8Array(WRITE_BYTES);
  while (await connection.read(rest) !== null);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let sent = 0; sent < bytes.byteLength;) {
    sent += await connection.write(bytes.subarray(sent, sent + WRITE_BYTES));
  }
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", encoder.encode(text));
  return new Uint8Array(bytes).toHex();
}
