/**
 * A real Prometheus server.
 *
 * @module
 */

import * as z from "zod";
import { until } from "../_waiting.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { spawn } from "./_tools.ts";

const Sample = z.object({
  metric: z.record(z.string(), z.string()),
  value: z.tuple([z.number(), z.string()]),
});
const Answer = z.object({
  status: z.literal("success"),
  data: z.object({ resultType: z.string(), result: z.array(Sample) }),
});
const Targets = z.object({
  data: z.object({
    activeTargets: z.array(z.object({ health: z.string(), lastError: z.string() })),
  }),
});

/** A sample of a query's result. */
export type Sample = z.output<typeof Sample>;

/** A server with this configuration, as JSON, which is YAML. */
export class Prometheus implements AsyncDisposable {
  private constructor(
    readonly directory: TempDirectory,
    readonly url: string,
    readonly child: Deno.ChildProcess,
  ) {}

  /** Starts it; resolves once it answers. */
  static async start(configuration: unknown): Promise<Prometheus> {
    const directory = await TempDirectory.make();
    const file = await directory.file("prometheus.yml", JSON.stringify(configuration));
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const address = `127.0.0.1:${free.addr.port}`;
    free.close();
    const child = spawn("prometheus", [
      `--config.file=${file}`,
      `--storage.tsdb.path=${directory.at("data")}`,
      `--web.listen-address=${address}`,
      "--log.level=warn",
    ], { stdin: "null", stdout: "inherit", stderr: "inherit" });
    const prometheus = new Prometheus(directory, `http://${address}`, child);
    const isReady = async () => {
      const response = await fetch(`${prometheus.url}/-/ready`).catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok === true;
    };
    await until(isReady, "Prometheus to be ready");
    return prometheus;
  }

  /** The result of a query now. */
  async query(expression: string): Promise<Sample[]> {
    const body = new URLSearchParams({ query: expression });
    const response = await fetch(`${this.url}/api/v1/query`, { method: "POST", body });
    const answer = await response.json();
    const { success, data } = z.safeParse(Answer, answer);
    if (!success) throw new Error(`${expression}: ${JSON.stringify(answer)}`);
    return data.data.result;
  }

  /** The health of each target, with the last error. */
  async targets(): Promise<{ readonly health: string; readonly lastError: string }[]> {
    const response = await fetch(`${this.url}/api/v1/targets`);
    return z.parse(Targets, await response.json()).data.activeTargets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.status;
    await this.directory[Symbol.asyncDispose]();
  }
}
