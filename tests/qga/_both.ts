/**
 * A qemu-ga and our agent, each with a client.
 *
 * @module
 */

import { TestAgent } from "../agent/_agent.ts";
import { Peer } from "./_peer.ts";
import type { Reference } from "./_references.ts";

/** Does something with both, and stops them. */
export async function withBoth(
  reference: Reference,
  work: (theirs: Peer, ours: Peer) => Promise<void>,
): Promise<void> {
  const [program = "", ...words] = await reference.command();
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-qga-" });
  const socket = `${directory}/ga.sock`;
  const qemuGa = new Deno.Command(program, {
    args: [...words, "-m", "unix-listen", "-p", socket, "-t", directory, "-f", `${directory}/pid`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const agent = await TestAgent.start({
      args: () => ["--dialect", "qga", "--qemu-ga-conf", `${directory}/no.conf`],
      config: () => ({ security: { max_command_timeout_seconds: 30 } }),
    });
    await using _agent = agent;
    const theirFiles = `${directory}/files`;
    await Deno.mkdir(theirFiles);
    const theirs = await Peer.connect(socket, theirFiles);
    await using _theirs = theirs;
    const ours = await Peer.connect(agent.paths.socket, agent.paths.files);
    await using _ours = ours;
    await work(theirs, ours);
  } finally {
    qemuGa.kill("SIGTERM");
    await qemuGa.status;
    await Deno.remove(directory, { recursive: true });
  }
}
