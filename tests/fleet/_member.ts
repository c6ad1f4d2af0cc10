/**
 * A host of a fleet with scripted agents, in the test's process or in one of its own.
 *
 * @module
 */

import { fail } from "@std/assert";
import { Clients } from "../../host/daemon/clients.ts";
import { FleetMember } from "../../host/daemon/fleet/member.ts";
import { Host } from "../../host/daemon/host.ts";
import { METADATA_NAMESPACE } from "../../host/daemon/domains.ts";
import { within } from "../_waiting.ts";
import { HostdProcess } from "../host/daemon/_hostd_process.ts";
import { ScriptedAgent } from "../host/_scripted_agent.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import type { NatsServer } from "./_nats.ts";

/** A VM: its name, and what its description says. */
export interface MemberVm {
  readonly name: string;
  readonly uuid: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A UUID for tests. */
export const uuid = (number: number): string =>
  `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** The host `kvm1` or `kvm2`. */
export class Member implements AsyncDisposable {
  readonly log: string[] = [];
  readonly #agents = new Map<string, ScriptedAgent>();
  #leave: () => Promise<void> = () => Promise.resolve();

  private constructor(
    readonly name: "kvm1" | "kvm2",
    readonly nats: NatsServer,
    readonly directory: TempDirectory,
  ) {}

  /** Makes the VMs; {@link join} or {@link start} lets the host join. */
  static async make(
    name: "kvm1" | "kvm2",
    nats: NatsServer,
    vms: readonly MemberVm[],
  ): Promise<Member> {
    const member = new Member(name, nats, await TempDirectory.make());
    await member.directory.directory("libvirt");
    for (const vm of vms) {
      const path = member.directory.at(`${vm.name}.org.kvmmanager.agent.0`);
      member.#agents.set(vm.name, new ScriptedAgent(path));
      await member.directory.file(`libvirt/${vm.name}.xml`, status(vm, path));
    }
    return member;
  }

  agent(name: string): ScriptedAgent {
    return this.#agents.get(name) ?? fail(`no agent ${name}`);
  }

  /** How often an agent was asked for something. */
  asked(name: string, method: string): number {
    return this.agent(name).requests.filter((request) => request.method === method).length;
  }

  get credentials(): string {
    return this.nats.credentials(this.name === "kvm1" ? "KVM1" : "KVM2");
  }

  /** Joins in this process. @param hostName Another name than its credentials are for. */
  async join(hostName: string = this.name): Promise<void> {
    const host = await Host.open({
      searchPaths: [this.directory.path],
      libvirtDirectory: this.directory.at("libvirt"),
    });
    await within(host.settled(20_000), "the agents");
    const { calls } = new Clients(host, () => {});
    const joined = Promise.withResolvers<void>();
    const log = (_level: string, message: string) => {
      this.log.push(message);
      if (message.startsWith("joined") || message.includes("permission")) joined.resolve();
    };
    const nats = { url: this.nats.url, credentialsFile: this.credentials };
    const member = new FleetMember({ nats, hostName }, { host, calls, log });
    this.#leave = async () => {
      await host.close();
      await member[Symbol.asyncDispose]();
    };
    await within(joined.promise, "the host in the fleet");
  }

  /** Leaves again. */
  async leave(): Promise<void> {
    await this.#leave();
    this.#leave = () => Promise.resolve();
  }

  /** Joins as a process of its own. */
  async start(): Promise<HostdProcess> {
    const hostd = await HostdProcess.start([
      ...["--socket", this.directory.at("hostd.sock"), "--channels", this.directory.path],
      ...["--libvirt-status", this.directory.at("libvirt"), "--nats", this.nats.url],
      ...["--creds", this.credentials, "--host-name", this.name],
    ]);
    await hostd.says("joined the fleet");
    return hostd;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    for (const agent of this.#agents.values()) await agent[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}

function status({ name, uuid, labels = {} }: MemberVm, socket: string): string {
  const marks = Object.entries(labels)
    .map(([label, value]) => `<k:label name="${label}">${value}</k:label>`).join("");
  return `<domstatus state="running"><domain><name>${name}</name><uuid>${uuid}</uuid>
    <metadata><k:labels xmlns:k="${METADATA_NAMESPACE}">${marks}</k:labels></metadata>
    <devices><channel type="unix"><source mode="bind" path="${socket}"/>
      <target type="virtio" name="org.kvmmanager.agent.0"/></channel></devices>
  </domain></domstatus>`;
}
