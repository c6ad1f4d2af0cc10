/**
 * The metrics of a host's guests for Prometheus.
 *
 * @module
 */

import { UsageError } from "../../../lib/base/command_line.ts";
import { messageOf } from "../../../lib/base/message_of.ts";
import { isLoopback, type ListenAddress } from "./listen_address.ts";
import { MetricsPage } from "./page.ts";
import type { SamplerTimes, VmSource } from "./sampler.ts";
import { type ScrapeLimits, ScrapeServer } from "./scrape_server.ts";
import { readWebConfig, type WebConfig } from "./web_config.ts";

/** How metrics are exported. */
export interface ExporterOptions {
  readonly listen: ListenAddress;
  /** The path of a web configuration. @default plain HTTP for anyone who can connect */
  readonly webConfigFile?: string;
  readonly times?: Partial<SamplerTimes>;
  readonly limits?: Partial<ScrapeLimits>;
}

/** Samples the guests of a host and serves the result; see docs/metrics.md. */
export class Exporter implements AsyncDisposable {
  /** Where it listens. */
  readonly address: Deno.NetAddr;
  readonly #options: ExporterOptions;
  readonly #page: MetricsPage;
  #server: ScrapeServer;

  private constructor(source: VmSource, options: ExporterOptions, web: WebConfig) {
    this.#options = options;
    const listener = listen(options.listen, web);
    this.address = listener.addr;
    this.#page = new MetricsPage(source, options.times);
    this.#server = this.#serve(listener, web);
  }

  /**
   * Starts sampling and listening.
   *
   * @throws {UsageError} if the address cannot be listened on, or would be open to other machines
   * without a token.
   * @throws {WebConfigError} if the web configuration cannot be used.
   */
  static async start(source: VmSource, options: ExporterOptions): Promise<Exporter> {
    return new Exporter(source, options, await readWeb(options));
  }

  /**
   * Reads the web configuration again: a new certificate and token hold from then on. If they cannot
   * be used, those from before stay.
   *
   * @throws As {@link Exporter.start}.
   */
  async reload(): Promise<void> {
    const web = await readWeb(this.#options);
    const { hostname } = this.#options.listen;
    // Fails for a certificate that cannot be used while the old one is still served.
    listen({ hostname, port: 0 }, web).close();
    await this.#server[Symbol.asyncDispose]();
    this.#server = this.#serve(listen({ hostname, port: this.address.port }, web), web);
  }

  /** Stops sampling and listening. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#page[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }

  #serve(listener: Deno.TcpListener | Deno.TlsListener, { token }: WebConfig): ScrapeServer {
    const { limits } = this.#options;
    return new ScrapeServer(listener, {
      page: (format) => this.#page.render(format),
      token,
      limits,
    });
  }
}

async function readWeb({ listen, webConfigFile }: ExporterOptions): Promise<WebConfig> {
  const web = webConfigFile === undefined ? {} : await readWebConfig(webConfigFile);
  if (!isLoopback(listen) && web.token === undefined) {
    throw new UsageError(
      `--metrics-listen ${listen.hostname}: anyone who reaches this address could read the ` +
        "guests' metrics; name a token in --metrics-web-config, or listen on 127.0.0.1",
    );
  }
  return web;
}

function listen(
  { hostname, port }: ListenAddress,
  { tls }: WebConfig,
): Deno.TcpListener | Deno.TlsListener {
  try {
    return tls === undefined
      ? Deno.listen({ hostname, port })
      : Deno.listenTls({ hostname, port, ...tls });
  } catch (error) {
    const certificate = tls === undefined ? "" : " with the certificate of --metrics-web-config";
    throw new UsageError(
      `cannot listen on --metrics-listen ${hostname}:${port}${certificate}: ${messageOf(error)}`,
    );
  }
}
