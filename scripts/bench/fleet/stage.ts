/**
 * A fleet to be measured: a NATS server, and hosts with many agents each.
 *
 * @module
 */

import { CHANNEL_NAME } from "../../../host/channels.ts";
import { FleetClient, type FleetVm } from "../../../host/fleet/client.ts";
import { describeVms, HostdProcess } from "../../fleet/hostd.ts";
import { type NatsServer, startNatsServer } from "../../fleet/server.ts";
import { Fleet } from "./fleet.ts";

/** How large it is. */
export interface StageOptions {
  readonly hosts: number;
  /** Of each host. */
  readonly agents: number;
}

const READY_MS = 180_000;

/** A fleet whose VMs all are ready. */
export class Stage implements AsyncDisposable {
  readonly daemons: HostdProcess[] = [];
  /** From the start of the daemons until the fleet's client sees all agents ready, in seconds. */
  readySeconds = Number.NaN;
  readonly #stack: AsyncDisposableStack;
  readonly #args: string[][] = [];

  private constructor(
    stack: AsyncDisposableStack,
    readonly server: NatsServer,
    readonly agents: readonly Fleet[],
    readonly client: FleetClient,
  ) {
    this.#stack = stack;
  }

  /** Starts all of it. */
  static async start({ hosts, agents }: StageOptions): Promise<Stage> {
    const stack = new AsyncDisposableStack();
    try {
      const directory = await Deno.makeTempDir({ prefix: "kvmmanager-bench-" });
      stack.defer(() => Deno.remove(directory, { recursive: true }));
      const server = await startNatsServer(directory, stack, (address) => `listen: "${address}"\n`);
      const fleets: Fleet[] = [];
      for (let host = 0; host < hosts; host++) fleets.push(stack.use(await Fleet.start(agents, 1)));
      const url = server.url;
      const client = stack.use(await connected(url));
      const stage = new Stage(stack, server, fleets, client);
      for (const [index, fleet] of fleets.entries()) {
        const name = `kvm${index + 1}`;
        await describeVms(`${directory}/${name}`, vmsOf(name, fleet, agents));
        stage.#args.push([
          ...["--socket", `${directory}/${name}.sock`, "--channels", fleet.directory],
          ...["--libvirt-status", `${directory}/${name}`, "--nats", url, "--host-name", name],
        ]);
      }
      stack.defer(() => stage.#stopAll());
      const start = performance.now();
      for (const args of stage.#args) stage.daemons.push(new HostdProcess(args));
      await stage.untilReady(hosts * agents);
      stage.readySeconds = (performance.now() - start) / 1000;
      return stage;
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  /** Waits until this many VMs are ready; returns all. */
  async untilReady(count: number): Promise<readonly FleetVm[]> {
    const deadline = performance.now() + READY_MS;
    for (;;) {
      // Nobody answers yet before the first daemon has joined.
      const vms = await this.client.list().then((list) => list.vms, () => []);
      const ready = vms.filter(({ state }) => state === "ready").length;
      if (ready >= count) return vms;
      if (performance.now() > deadline) throw new Error(`only ${ready} of ${count} VMs are ready`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Starts the first daemon again, with metrics; returns the address of the page. */
  async serveMetrics(): Promise<string> {
    await this.daemons[0]?.[Symbol.asyncDispose]();
    const daemon = new HostdProcess([...this.#args[0] ?? [], "--metrics-listen", "0"]);
    this.daemons[0] = daemon;
    const [, port] = /port (\d+)/.exec(await daemon.says("metrics are on")) ?? [];
    return `http://127.0.0.1:${port}/metrics`;
  }

  async #stopAll(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const vmsOf = (host: string, fleet: Fleet, agents: number) =>
  Array.from({ length: agents }, (_, number) => ({
    name: `${host}-${number}`,
    socket: `${fleet.directory}/vm${number}.${CHANNEL_NAME}`,
  }));

/** The server needs a moment to listen. */
async function connected(url: string): Promise<FleetClient> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    try {
      return await FleetClient.connect({ url, credentialsFile: undefined }, undefined);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
