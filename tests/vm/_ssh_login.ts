/**
 * Logging in to a guest over SSH, through a port of this machine that is forwarded to the guest.
 *
 * @module
 */

import type { Guest } from "../../scripts/vm/guest.ts";
import { requireTools, runTool } from "../../scripts/vm/tools.ts";

/** The network of QEMU's that every machine has. */
const NETWORK = "net";
/** sshd under emulation is slow; it gives a login two minutes itself. */
const CONNECT_SECONDS = 110;

/** A new key, and a way to the guest's sshd. */
export class SshLogin implements AsyncDisposable {
  private constructor(
    readonly publicKey: string,
    readonly directory: string,
    readonly port: number,
  ) {}

  /** Starts sshd in the guest and forwards a port to it. */
  static async to(guest: Guest): Promise<SshLogin> {
    await requireTools(["ssh", "ssh-keygen"]);
    const directory = await Deno.makeTempDir({ prefix: "kvmmanager-ssh-" });
    const key = `${directory}/key`;
    await runTool("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key]);
    await guest.root("systemctl start ssh");
    const port = freePort();
    const qmp = await guest.qmp();
    await using _qmp = qmp;
    await qmp.execute("human-monitor-command", {
      "command-line": `hostfwd_add ${NETWORK} tcp:127.0.0.1:${port}-:22`,
    });
    return new SshLogin((await Deno.readTextFile(`${key}.pub`)).trim(), directory, port);
  }

  /**
   * Logs in with the key and runs a command; returns what it printed.
   *
   * @throws {ToolFailedError} with what ssh says.
   */
  async run(user: string, command: string): Promise<string> {
    return await runTool("ssh", [
      ...["-F", "none", "-i", `${this.directory}/key`, "-p", String(this.port)],
      ...[
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        `ConnectTimeout=${CONNECT_SECONDS}`,
      ].flatMap((option) => ["-o", option]),
      ...[`${user}@127.0.0.1`, command],
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A port that no program of this machine uses at the moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
