/**
 * A real NATS server with the users of the example.
 *
 * @module
 */

import { nkeys } from "@nats-io/transport-node";
import { toolEnvironment } from "../../scripts/vm/tools.ts";
import { ROOT } from "../_deno.ts";
import { until } from "../_waiting.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { spawn } from "./_tools.ts";

const EXAMPLE = `${ROOT}install/host/examples/nats-server.conf`;
const USERS = ["KVM1", "KVM2", "OPERATOR", "ACME", "AUDITOR"] as const;

/** A user of the example. */
export type NatsUser = typeof USERS[number];

/** A server. */
export class NatsServer implements AsyncDisposable {
  #child: Deno.ChildProcess | undefined;

  private constructor(
    readonly directory: TempDirectory,
    readonly port: number,
    readonly config: string,
  ) {}

  /** Starts one; resolves once it accepts connections. */
  static async start(): Promise<NatsServer> {
    const directory = await TempDirectory.make();
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr;
    free.close();
    let config = await Deno.readTextFile(EXAMPLE);
    for (const user of USERS) {
      const pair = nkeys.createUser();
      config = config.replaceAll(`KEY_OF_${user}`, pair.getPublicKey());
      await directory.file(`${user}.creds`, new TextDecoder().decode(pair.getSeed()));
    }
    config = config.replace("127.0.0.1:4222", `127.0.0.1:${port}`);
    const server = new NatsServer(
      directory,
      port,
      await directory.file("nats-server.conf", config),
    );
    await server.run();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  credentials(user: NatsUser): string {
    return this.directory.at(`${user}.creds`);
  }

  /** Starts the server again. */
  async run(): Promise<void> {
    this.#child = spawn("nats-server", ["--config", this.config], {
      env: toolEnvironment(),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    const answers = async () => {
      const connecting = Deno.connect({ hostname: "127.0.0.1", port: this.port });
      const connection = await connecting.catch(() => undefined);
      connection?.close();
      return connection !== undefined;
    };
    await until(answers, "nats-server");
  }

  /** Kills it, as a power failure would. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.directory[Symbol.asyncDispose]();
  }
}
