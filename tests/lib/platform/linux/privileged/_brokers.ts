/**
 * Real brokers for the tests: children with the permissions of the packaged one, and a client.
 *
 * @module
 */

import { BrokerClient } from "../../../../../lib/platform/linux/privileged/broker_client.ts";
import { brokerChild } from "../../../../../lib/platform/linux/privileged/broker_link.ts";
import { agentCommand } from "../../../../../scripts/agent.ts";
import { TempDirectory } from "../../../_helpers.ts";

/** A client whose brokers use the configuration, the hooks and the runtime directory in a directory. */
async function clientIn(directory: TempDirectory): Promise<BrokerClient> {
  const command = await brokerCommand([
    `--config=${directory.at("config.json")}`,
    `--directory=${directory.at("run")}`,
    `--hooks=${directory.at("hooks")}`,
  ]);
  return new BrokerClient(brokerChild(command));
}

/** Whether this machine lets tests be root. */
export const isRoot = Deno.uid() === 0;

/** The command line of a broker. */
export async function brokerCommand(args: readonly string[]): Promise<string[]> {
  return [
    Deno.execPath(),
    ...await agentCommand(["privileged", ...args], { bundled: false }),
  ];
}

/** A configuration of root's, and a client whose brokers read it. */
export class Brokers implements AsyncDisposable {
  private constructor(
    readonly directory: TempDirectory,
    readonly configFile: string,
    public client: BrokerClient,
  ) {}

  static async start(security: Readonly<Record<string, unknown>> = {}): Promise<Brokers> {
    const directory = await TempDirectory.make();
    const configFile = await directory.file("config.json", JSON.stringify({ security }));
    await Deno.chmod(configFile, 0o644);
    await directory.directory("hooks");
    return new Brokers(directory, configFile, await clientIn(directory));
  }

  /** A client that knows nothing of the first one, as after a restart of the agent. */
  anotherClient(): Promise<BrokerClient> {
    return clientIn(this.directory);
  }

  /** Writes a hook, which tells the file `told` what it is told. */
  async hook(name: string, more = ""): Promise<void> {
    const path = this.directory.at(`hooks/${name}`);
    const code = `#!/bin/sh\necho "${name} $1" >>"${this.directory.at("told")}"\n${more}\n`;
    await Deno.writeTextFile(path, code, { mode: 0o755 });
    // Deno grants the hooks that exist when the command line is made.
    this.client = await clientIn(this.directory);
  }

  /** What the hooks were told, line by line. */
  async told(): Promise<string[]> {
    const text = await Deno.readTextFile(this.directory.at("told")).catch(() => "");
    return text.trim().split("\n").filter((line) => line !== "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory[Symbol.asyncDispose]();
  }
}

/** An ext4 file system in a file, mounted until it is disposed of. */
export class LoopMount implements AsyncDisposable {
  private constructor(readonly mountPoint: string, readonly directory: TempDirectory) {}

  /** @param image The file, if not a temporary one. */
  static async make(image?: string): Promise<LoopMount> {
    const directory = await TempDirectory.make();
    const mountPoint = await directory.directory("mnt");
    const size = image === undefined ? "32M" : "8M";
    await sh(
      'truncate -s "$3" "$1" && mkfs.ext4 -q "$1" && mount -o loop "$1" "$2"',
      image ?? directory.at("image"),
      mountPoint,
      size,
    );
    return new LoopMount(mountPoint, directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await sh(`fsfreeze --unfreeze "$1" 2>/dev/null; umount "$1"`, this.mountPoint);
    await this.directory[Symbol.asyncDispose]();
  }
}

/** Runs a script with arguments. @throws {Error} with its errors if it fails. */
export async function sh(code: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", code, "sh", ...args],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
