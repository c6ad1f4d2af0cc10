import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  ScrapeServer,
  type ScrapeServerOptions,
} from "../../../../host/daemon/exporter/scrape_server.ts";
import { until, within } from "../../../_waiting.ts";

const TOKEN = "0123456789abcdef";
const PAGE = new TextEncoder().encode("a 1\n");

/** A server on a free port, with a page of this size. */
class Served implements AsyncDisposable {
  readonly url: string;
  readonly #server: ScrapeServer;
  readonly port: number;

  constructor(options: Partial<ScrapeServerOptions> = {}) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = listener.addr.port;
    this.url = `http://127.0.0.1:${this.port}/metrics`;
    this.#server = new ScrapeServer(listener, { page: () => PAGE, ...options });
  }

  async connect(text: string): Promise<Deno.TcpConn> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    await connection.write(new TextEncoder().encode(text));
    return connection;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

/** What the server sends until it closes the connection. */
async function readAll(connection: Deno.TcpConn): Promise<string> {
  return await within(new Response(connection.readable).text(), "the end of the answer");
}

async function isClosed(connection: Deno.TcpConn): Promise<boolean> {
  return await connection.read(new Uint8Array(1)).then((read) => read === null, () => true);
}

Deno.test("a scrape gets the page in the format that it asks for", async () => {
  await using served = new Served({ page: (format) => new TextEncoder().encode(format) });
  const plain = await fetch(served.url);
  assertEquals([plain.status, await plain.text()], [200, "prometheus"]);
  assertEquals(plain.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const open = await fetch(served.url, { headers: { accept: "application/openmetrics-text" } });
  assertEquals(await open.text(), "openmetrics");
  assertMatch(open.headers.get("content-type") ?? "", /^application\/openmetrics-text; version=1/);
});

Deno.test("a scrape without the token, or with a wrong one, is refused", async () => {
  await using served = new Served({ token: TOKEN });
  const statusFor = async (authorization?: string) => {
    const response = await fetch(served.url, authorization ? { headers: { authorization } } : {});
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusFor(`Bearer ${TOKEN}`), 200);
  for (const wrong of [undefined, `Bearer ${TOKEN}x`, "Bearer ", TOKEN, `Basic ${TOKEN}`]) {
    assertEquals(await statusFor(wrong), 401, wrong ?? "none");
  }
});

for (
  const [what, request, status] of [
    ["another path", "GET /secret HTTP/1.1\r\n\r\n", 404],
    ["another method", "POST /metrics HTTP/1.1\r\n\r\n", 405],
    ["another protocol", "\x16\x03\x01\r\n\r\n", 400],
    ["a head without end", `GET /metrics HTTP/1.1\r\nx: ${"y".repeat(9000)}`, 431],
    ["a query", "GET /metrics?a=b HTTP/1.1\r\n\r\n", 200],
    ["an old version of HTTP, with bare newlines", "GET /metrics HTTP/1.0\n\n", 200],
  ] as const
) {
  Deno.test(`a request with ${what} is answered with ${status}`, async () => {
    await using served = new Served();
    assertMatch(await readAll(await served.connect(request)), new RegExp(`^HTTP/1.1 ${status} `));
  });
}

Deno.test("HEAD is answered without the page", async () => {
  await using served = new Served();
  const answer = await readAll(await served.connect("HEAD /metrics HTTP/1.1\r\n\r\n"));
  assertMatch(answer, /Content-Length: 4\r\n[^]*\r\n\r\n$/);
});

Deno.test("100 scrapers at once each get the whole page", async () => {
  const page = new Uint8Array(1_000_000).fill(65);
  await using served = new Served({ page: () => page });
  const sizes = await Promise.all(Array.from({ length: 100 }, async () => {
    const response = await fetch(served.url);
    return (await response.arrayBuffer()).byteLength;
  }));
  assertEquals(sizes, Array(100).fill(page.byteLength));
});

Deno.test("a scraper that does not read is cut off, and delays nobody", async () => {
  const page = new Uint8Array(16_000_000);
  let isAsked = false;
  await using served = new Served({
    page: () => {
      isAsked = true;
      return page;
    },
    limits: { answerMs: 2000 },
  });
  const stuck = await served.connect("GET /metrics HTTP/1.1\r\n\r\n");
  await until(() => isAsked, "the request to be read");
  const response = await fetch(served.url);
  assertEquals((await response.arrayBuffer()).byteLength, page.byteLength);
  await new Promise((resolve) => setTimeout(resolve, 2100));
  const received = await readAll(stuck).catch(() => "");
  assert(received.length < page.byteLength, "it got the whole page after all");
});

Deno.test("a client that sends half a request is cut off", async () => {
  await using served = new Served({ limits: { requestMs: 100 } });
  const connection = await served.connect("GET /metrics HT");
  using _connection = connection;
  assert(await within(isClosed(connection), "the connection's end"));
});

Deno.test("a connection over the limit takes the place of the oldest", async () => {
  await using served = new Served({ limits: { connections: 3, requestMs: 60_000 } });
  const idle = await Promise.all([1, 2, 3].map(() => served.connect("G")));
  const response = await fetch(served.url);
  assertEquals(await response.text(), "a 1\n");
  const closed = await within(
    Promise.any(idle.map(async (one) => {
      assert(await isClosed(one));
      return true;
    })),
    "the end of one of them",
  );
  assert(closed);
  for (const one of idle) one.close();
});
