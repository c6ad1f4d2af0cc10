/**
 * Debian's qemu-ga and our agent, each with a client.
 *
 * @module
 */

import { assert } from "@std/assert";
import { findQemuGa } from "../../scripts/bench/qemu_ga.ts";
import { TestAgent } from "../agent/_agent.ts";
import { Peer } from "./_peer.ts";

/** Does something with both, and stops them. */
export async function withBoth(work: (theirs: Peer, ours: Peer) => Promise<void>): Promise<void> {
  const qemuGa = await findQemuGa();
  assert(qemuGa !== undefined, "needs qemu-ga; Debian: apt-get install qemu-guest-agent");
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-qga-" });
  const socket = `${directory}/ga.sock`;
  const reference = new Deno.Command(qemuGa.program, {
    args: ["-m", "unix-listen", "-p", socket, "-t", directory, "-f", `${directory}/pid`],
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
    reference.kill("SIGTERM");
    await reference.status;
    await Deno.remove(directory, { recursive: true });
  }
}
