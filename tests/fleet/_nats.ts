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

/** Servers of a cluster elect leaders after up to ten seconds, of the cluster and of a stream. */
export const CLUSTER_MS = 120_000;

/** A user of the example. */
export type NatsUser = typeof USERS[number];

/** A server. */
export class NatsServer implements AsyncDisposable {
  #child: Deno.ChildProcess | undefined;

  private constructor(
    readonly directory: TempDirectory,
    readonly port: number,
    readonly config: string,
    /** Where it says whether it is well; only one of a cluster. */
    readonly healthPort: number | undefined,
  ) {}

  /**
   * Starts one; resolves once it accepts connections.
   *
   * @param settings Lines that the example does not have.
   * @param keepsEvents Whether it runs JetStream.
   */
  static async start(
    { settings = "", keepsEvents = false }: { settings?: string; keepsEvents?: boolean } = {},
  ): Promise<NatsServer> {
    const directory = await TempDirectory.make();
    const [port] = freePorts(1);
    const config = await exampleIn(directory);
    const store = keepsEvents ? `jetstream { store_dir: "${directory.at("events")}" }` : "";
    const all = `${config}\n${settings}\n${store}\n`;
    const server = await NatsServer.#of(directory, port ?? 0, all);
    await server.run();
    return server;
  }

  /**
   * Starts three that know each other; resolves once each of them is well. The directory is
   * everybody's: dispose of the first one last.
   *
   * @param keepsEvents Whether they run JetStream.
   */
  static async startCluster({ keepsEvents = false } = {}): Promise<NatsServer[]> {
    const directory = await TempDirectory.make();
    const example = await exampleIn(directory);
    const ports = freePorts(9);
    const routes = ports.slice(3, 6).map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
    const servers: NatsServer[] = [];
    for (const [index, port] of ports.slice(0, 3).entries()) {
      const healthPort = ports[index + 6];
      const cluster = `cluster { name: kvm, listen: "127.0.0.1:${ports[index + 3]}", ` +
        `routes: [${routes}] }\nserver_name: kvm${index}\nhttp: "127.0.0.1:${healthPort}"`;
      const store = keepsEvents
        ? `jetstream { store_dir: "${directory.at(`events${index}`)}" }`
        : "";
      const all = `${example}\n${cluster}\n${store}\n`;
      servers.push(await NatsServer.#of(directory, port, all, healthPort));
    }
    await Promise.all(servers.map((server) => server.run()));
    return servers;
  }

  static async #of(
    directory: TempDirectory,
    port: number,
    example: string,
    healthPort?: number,
  ): Promise<NatsServer> {
    const config = example.replace("127.0.0.1:4222", `127.0.0.1:${port}`);
    const file = await directory.file(`${port}.conf`, config);
    return new NatsServer(directory, port, file, healthPort);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  credentials(user: NatsUser): string {
    return this.directory.at(`${user}.creds`);
  }

  /** Starts the server again; one of a cluster has caught up with the others then. */
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
    if (this.healthPort === undefined) return;
    const url = `http://127.0.0.1:${this.healthPort}/healthz`;
    const isWell = async () => {
      const response = await fetch(url).catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok === true;
    };
    await until(isWell, "a server of the cluster that is well", CLUSTER_MS);
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

/** The example with new keys, whose private halves are in the directory. */
async function exampleIn(directory: TempDirectory): Promise<string> {
  let config = await Deno.readTextFile(EXAMPLE);
  for (const user of USERS) {
    const pair = nkeys.createUser();
    config = config.replaceAll(`KEY_OF_${user}`, pair.getPublicKey());
    await directory.file(`${user}.creds`, new TextDecoder().decode(pair.getSeed()));
  }
  return config;
}

/** Ports that nobody listens on. */
function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
