/**
 * Brokers that see an /etc and a /home of the test, so that they create real users with the real
 * programs and change nothing of this machine.
 *
 * @module
 */

import { BrokerClient } from "../../../../../lib/platform/linux/privileged/broker_client.ts";
import { brokerChild } from "../../../../../lib/platform/linux/privileged/broker_link.ts";
import { NEVER, TempDirectory } from "../../../_helpers.ts";
import { brokerCommand, sh } from "./_brokers.ts";

/**
 * Runs what follows in a mount namespace with the test's directories, and sees no other processes:
 * userdel(8) refuses to delete a user whose number a process has, and another test's may have it.
 */
const IN_NAMESPACE = [
  "/usr/bin/unshare",
  "--mount",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
  "/bin/sh",
  "-c",
  'mount --bind "$1/etc" /etc && mount --bind "$1/home" /home && shift && exec "$@"',
  "sh",
];

/** Users of a test. */
export class OwnUsers implements AsyncDisposable {
  private constructor(readonly directory: TempDirectory, readonly client: BrokerClient) {}

  /** @param security What the configuration says besides the group. */
  static async make(security: Readonly<Record<string, unknown>>): Promise<OwnUsers> {
    const directory = await TempDirectory.make();
    // The users' processes must reach their homes.
    await Deno.chmod(directory.path, 0o755);
    await Deno.mkdir(directory.at("home"), { mode: 0o755 });
    await sh('cp -a /etc "$1"', directory.at("etc"));
    await Deno.mkdir(directory.at("etc/kvmmanager-agent"), { recursive: true, mode: 0o755 });
    const config = { security: { allow: ["accounts"], ...security } };
    await Deno.writeTextFile(
      directory.at("etc/kvmmanager-agent/config.json"),
      JSON.stringify(config),
    );
    const command = await brokerCommand([]);
    return new OwnUsers(
      directory,
      new BrokerClient(brokerChild([...IN_NAMESPACE, directory.path, ...command])),
    );
  }

  perform(operation: string, params: unknown): Promise<unknown> {
    return this.client.perform(operation, params, NEVER);
  }

  /** The fields of a line of a file in its /etc. */
  async line(file: "passwd" | "shadow" | "group", name: string): Promise<string[] | undefined> {
    const text = await Deno.readTextFile(this.directory.at(`etc/${file}`));
    return text.split("\n").map((line) => line.split(":")).find(([first]) => first === name);
  }

  /** A path in the user's home. */
  home(user: string, path = ""): string {
    return this.directory.at(`home/${user}/${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory[Symbol.asyncDispose]();
  }
}
