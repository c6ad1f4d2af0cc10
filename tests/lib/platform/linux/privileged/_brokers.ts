/**
 * Real brokers for the tests: children with the permissions of the packaged one, and a client.
 *
 * @module
 */

import {
  brokerChild,
  BrokerClient,
} from "../../../../../lib/platform/linux/privileged/broker_client.ts";
import { agentCommand } from "../../../../../scripts/agent.ts";
import { TempDirectory } from "../../../_helpers.ts";

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
    readonly client: BrokerClient,
  ) {}

  static async start(security: Readonly<Record<string, unknown>> = {}): Promise<Brokers> {
    const directory = await TempDirectory.make();
    const configFile = await directory.file("config.json", JSON.stringify({ security }));
    await Deno.chmod(configFile, 0o644);
    const command = await brokerCommand(["--config", configFile]);
    return new Brokers(directory, configFile, new BrokerClient(brokerChild(command)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory[Symbol.asyncDispose]();
  }
}

/** An ext4 file system in a file, mounted until it is disposed of. */
export class LoopMount implements AsyncDisposable {
  private constructor(readonly mountPoint: string, readonly directory: TempDirectory) {}

  static async make(): Promise<LoopMount> {
    const directory = await TempDirectory.make();
    const mountPoint = await directory.directory("mnt");
    const image = directory.at("image");
    await sh(
      `truncate -s 32M "$1" && mkfs.ext4 -q "$1" && mount -o loop "$1" "$2"`,
      image,
      mountPoint,
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
