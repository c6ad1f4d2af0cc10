/**
 * The same requests to Debian's qemu-ga and to our agent: the answers are the same but for the
 * deviations that docs/qga.md lists with their reasons.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { findQemuGa } from "../../scripts/bench/qemu_ga.ts";
import { TestAgent } from "../agent/_agent.ts";
import { ROOT } from "../_deno.ts";
import { differenceOf } from "./_compare.ts";
import { DEVIATIONS } from "./_deviations.ts";
import { Peer } from "./_peer.ts";
import { readRequests } from "./_requests.ts";

Deno.test("every answer is that of qemu-ga, or a deviation that is listed with its reason", async () => {
  const qemuGa = await findQemuGa();
  assert(qemuGa !== undefined, "needs qemu-ga; Debian: apt-get install qemu-guest-agent");
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-qga-" });
  const reference = new Deno.Command(qemuGa.program, {
    args: [
      "-m",
      "unix-listen",
      "-p",
      `${directory}/ga.sock`,
      "-t",
      directory,
      "-f",
      `${directory}/pid`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const agent = await TestAgent.start({
      args: () => ["--dialect", "qga"],
      config: () => ({ security: { max_command_timeout_seconds: 30 } }),
    });
    await using _agent = agent;
    const theirFiles = `${directory}/files`;
    await Deno.mkdir(theirFiles);
    const theirs = await Peer.connect(`${directory}/ga.sock`, theirFiles);
    await using _theirs = theirs;
    const ours = await Peer.connect(agent.paths.socket, agent.paths.files);
    await using _ours = ours;
    const problems: string[] = [];
    const unused = new Map(DEVIATIONS);
    for (const entry of await readRequests()) {
      const [expected, actual] = await Promise.all([theirs.ask(entry), ours.ask(entry)]);
      const difference = differenceOf(entry, expected, actual);
      const isListed = unused.delete(entry.name);
      if (difference !== undefined && !isListed) problems.push(`${entry.name}: ${difference}`);
      if (difference === undefined && isListed) problems.push(`${entry.name}: does not deviate`);
    }
    assertEquals(problems, []);
    assertEquals([...unused.keys()], []);
  } finally {
    reference.kill("SIGTERM");
    await reference.status;
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("docs/qga.md gives the reason for each deviation", async () => {
  const page = (await Deno.readTextFile(`${ROOT}docs/qga.md`)).replaceAll(/\s+/g, " ");
  for (const [name, reason] of DEVIATIONS) {
    assert(page.includes(reason), `${name}: ${reason}`);
  }
});
